/** @file Slicing: one exact run by the settings, or a sweep of them. */
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { formatPercent } from '../format.ts';
import { hasRunOf } from '../store/results.ts';
import { SWEEP_PERCENT, sliceOptions } from '../store/settings.ts';
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

/**
 * 10, 20, 25 and 30 % in turn, with the other options as they stand; those that were made already are not made again, unless
 * all were. The slider stays where the person left it. Each finished run stays if the rest is cancelled.
 */
export async function sweep(studio: Studio): Promise<void> {
  const { settings, results } = studio.store.getState();
  if (!results.model || results.model.shape.slicing_refusal !== undefined) return;
  const all = SWEEP_PERCENT.map((sparsity_percent) => sliceOptions({ ...settings, sparsity_percent }));
  const missing = all.filter((options) => !hasRunOf(results, options));
  await sliceAll(studio, 'Sweep', missing.length > 0 ? missing : all, 'sweep');
}

/** Slices one after another under one progress bar; each finished run stays if the rest is cancelled. */
export async function sliceAll(
  studio: Studio,
  title: string,
  all: readonly SlicegptOptions[],
  kind: 'slice' | 'sweep' = all.length > 1 ? 'sweep' : 'slice',
): Promise<void> {
  studio.preview_wanted = false;
  const work = { kind: 'slices', title, options: all } as const;
  await runJob(
    studio,
    kind,
    title,
    all.flatMap(sliceSteps),
    async (job) => {
      for (const options of all) await sliceAndEvaluate(studio, job, options, false);
    },
    work,
  );
  await previewIfWanted(studio);
}
