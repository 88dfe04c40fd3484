/** @file Slicing: one exact run by the settings, or a sweep of them. */
import type { SlicegptOptions } from '../../engine/protocol.ts';
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
  await sliceAll(studio, `Slicing ${formatPercent(options.sparsity)}`, [options]);
}

/** 10, 20, 25 and 30 % in turn, with the other options as they stand; each finished run stays if the rest is cancelled. */
export async function sweep(studio: Studio): Promise<void> {
  const { settings, results } = studio.store.getState();
  if (!results.model || results.model.shape.slicing_refusal !== undefined) return;
  const all = SWEEP_PERCENT.map((sparsity_percent) => sliceOptions({ ...settings, sparsity_percent }));
  await sliceAll(studio, 'Sweep', all);
}

/** Slices one after another under one progress bar; each finished run stays if the rest is cancelled. */
export async function sliceAll(studio: Studio, title: string, all: readonly SlicegptOptions[]): Promise<void> {
  const { store } = studio;
  studio.preview_wanted = false;
  const kind = all.length > 1 ? 'sweep' : 'slice';
  const work = { kind: 'slices', title, options: all } as const;
  await runJob(
    studio,
    kind,
    title,
    all.flatMap(sliceSteps),
    async (job) => {
      for (const options of all) {
        if (kind === 'sweep') changeSettings(store, { sparsity_percent: Math.round(options.sparsity * 1000) / 10 });
        await sliceAndEvaluate(studio, job, options, false);
      }
    },
    work,
  );
  await previewIfWanted(studio);
}
