/** @file The two commands that make one point of the chart: compress, then evaluate. */

import { slicingRecipe } from '../../engine/plan.ts';
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { formatPercent } from '../format.ts';
import { addRun, changeRun, type Run } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import type { Job } from './job.ts';

interface Manner {
  /** A quick measure, which is no run that is kept. */
  is_preview?: boolean;
  /** Made before, and its measurement cancelled: that is what is left to do. */
  unmeasured?: Run;
}

export function sliceSteps(options: SlicegptOptions, { unmeasured }: Manner = {}) {
  const percent = formatPercent(options.sparsity);
  const measuring = { command: 'evaluate', label: `Perplexity at ${percent}` } as const;
  const making = { command: 'compress', label: `Slicing ${percent}` } as const;
  return unmeasured ? [measuring] : [making, measuring];
}

export async function sliceAndEvaluate(
  studio: Studio,
  job: Job,
  options: SlicegptOptions,
  { is_preview = false, unmeasured }: Manner = {},
): Promise<void> {
  const { store } = studio;
  const id = unmeasured?.id ?? (await makeSlice(studio, job, options, is_preview));
  if (!is_preview) store.setState({ selected: null });
  const perplexity = await job.run('evaluate', { target: id, ...(is_preview && { quick: true }) });
  changeResults(store, (results) => changeRun(results, id, { perplexity, protocol: perplexity.protocol }));
}

async function makeSlice({ store }: Studio, job: Job, options: SlicegptOptions, is_preview: boolean): Promise<string> {
  const report = await job.run('compress', slicingRecipe(options));
  const { protocol } = store.getState().results;
  const run = { id: report.id, is_preview, report, perplexity: null, protocol, exports: [] };
  changeResults(store, (results) => addRun(results, run));
  return report.id;
}
