/** @file Slicing: one exact run by the settings, or a sweep of them. */
import { formatPercent } from '../format.ts';
import { SWEEP_PERCENT, sliceOptions } from '../store/settings.ts';
import { changeSettings } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';
import { sliceAndEvaluate, sliceSteps } from './slice_steps.ts';

export async function slice(studio: Studio): Promise<void> {
  const { settings, results } = studio.store.getState();
  if (!results.model || results.model.shape.slicing_refusal !== undefined) return;
  const options = sliceOptions(settings);
  studio.preview_wanted = false;
  await runJob(studio, 'slice', `Slicing ${formatPercent(options.sparsity)}`, sliceSteps(options), (job) =>
    sliceAndEvaluate(studio, job, options, false),
  );
  await previewIfWanted(studio);
}

/** 10, 20, 25 and 30 % in turn, with the other options as they stand; each finished run stays if the rest is cancelled. */
export async function sweep(studio: Studio): Promise<void> {
  const { settings, results } = studio.store.getState();
  if (!results.model || results.model.shape.slicing_refusal !== undefined) return;
  const all = SWEEP_PERCENT.map((sparsity_percent) => sliceOptions({ ...settings, sparsity_percent }));
  studio.preview_wanted = false;
  await runJob(studio, 'sweep', 'Sweep', all.flatMap(sliceSteps), async (job) => {
    for (const options of all) {
      changeSettings(studio.store, { sparsity_percent: Math.round(options.sparsity * 1000) / 10 });
      await sliceAndEvaluate(studio, job, options, false);
    }
  });
  await previewIfWanted(studio);
}
