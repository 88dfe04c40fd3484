/** @file What releasing the slider does: the perplexity of a `rotate-once` slice, replaced at the next release. */
import { formatPercent } from '../format.ts';
import { matchingRuns, planOf } from '../store/plan.ts';
import { removeRun } from '../store/results.ts';
import { sliceOptions } from '../store/settings.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { isOccupied, runJob } from './job.ts';
import { sliceAndEvaluate, sliceSteps } from './slice_steps.ts';

/** Measures at the slider's place, unless that is known already. A running preview is dropped, another job is not. */
export async function preview(studio: Studio): Promise<void> {
  const { settings, results } = studio.store.getState();
  if (!results.model) return;
  if (isOccupied(studio)) {
    studio.preview_wanted = true;
    return;
  }
  studio.preview_wanted = false;
  // Without texts there is nothing to measure with: opening was cancelled before they were read.
  const { plan } = planOf(results.model, settings);
  if (!plan || !results.protocol) return;
  if (matchingRuns(results, settings, plan).quick?.perplexity) {
    studio.current?.controller.abort();
    return;
  }
  const options = sliceOptions(settings, 'rotate-once');
  const title = `Quick measure at ${formatPercent(options.sparsity)}`;
  await runJob(studio, 'preview', title, sliceSteps(options), async (job) => {
    await discardPreviews(studio);
    await sliceAndEvaluate(studio, job, options, { is_preview: true });
  });
}

/** Frees earlier measurements, the one that was just cancelled among them. Too quick to be a step of its own. */
async function discardPreviews(studio: Studio): Promise<void> {
  for (const { id, is_preview } of studio.store.getState().results.runs) {
    if (!is_preview) continue;
    await studio.engine.run('discard', { id });
    changeResults(studio.store, (kept) => removeRun(kept, id));
  }
}

/** After a job: the slider was moved while it ran, so its place has not been measured yet. */
export async function previewIfWanted(studio: Studio): Promise<void> {
  if (studio.preview_wanted && !studio.current) await preview(studio);
}
