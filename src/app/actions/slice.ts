/** @file Slicing: one exact run by the settings, or a sweep of them. */
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { formatPercent } from '../format.ts';
import { madeRun, unmeasuredRun } from '../store/repeat.ts';
import { SWEEP_PERCENT, sliceOptions } from '../store/settings.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';
import { showRepeat } from './repeat.ts';
import { sliceAndEvaluate, sliceSteps } from './slice_steps.ts';

/** @param isAgain Also where it was made before. */
export async function slice(studio: Studio, isAgain = false): Promise<void> {
  const { settings, results } = studio.store.getState();
  if (!results.model || results.model.shape.slicing_refusal !== undefined) return;
  const options = sliceOptions(settings);
  const made = isAgain ? undefined : madeRun(results, { slice: options });
  if (made) showRepeat(studio, 'slice', [made]);
  else await sliceAll(studio, `Slicing ${formatPercent(options.sparsity)}`, [options], { isAgain });
}

/**
 * 10, 20, 25 and 30 % in turn, with the other options as they stand; those that were made already are not made again. The
 * slider stays where the person left it. Each finished run stays if the rest is cancelled.
 * @param isAgain All of them.
 */
export async function sweep(studio: Studio, isAgain = false): Promise<void> {
  const { settings, results } = studio.store.getState();
  if (!results.model || results.model.shape.slicing_refusal !== undefined) return;
  const all = SWEEP_PERCENT.map((sparsity_percent) => sliceOptions({ ...settings, sparsity_percent }));
  const made = all.flatMap((options) => madeRun(results, { slice: options }) ?? []);
  const missing = isAgain ? all : all.filter((options) => !madeRun(results, { slice: options }));
  if (missing.length === 0) showRepeat(studio, 'sweep', made);
  else await sliceAll(studio, 'Sweep', missing, { kind: 'sweep', isAgain });
}

/** Slices one after another under one progress bar; each finished run stays if the rest is cancelled. */
export async function sliceAll(
  studio: Studio,
  title: string,
  all: readonly SlicegptOptions[],
  { kind = all.length > 1 ? 'sweep' : 'slice', isAgain = false }: { kind?: 'slice' | 'sweep'; isAgain?: boolean } = {},
): Promise<void> {
  studio.preview_wanted = false;
  const { results } = studio.store.getState();
  const parts = all.map((options) => ({
    options,
    unmeasured: isAgain ? undefined : unmeasuredRun(results, { slice: options }),
  }));
  const work = { kind: 'slices', title, options: all } as const;
  await runJob(
    studio,
    kind,
    title,
    parts.flatMap(({ options, unmeasured }) => sliceSteps(options, { unmeasured })),
    async (job) => {
      for (const { options, unmeasured } of parts) await sliceAndEvaluate(studio, job, options, { unmeasured });
    },
    work,
  );
  await previewIfWanted(studio);
}
