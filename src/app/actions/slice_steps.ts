/** @file The two commands that make one point of the chart: compress, then evaluate. */

import { slicingRecipe } from '../../engine/plan.ts';
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { formatPercent } from '../format.ts';
import { addRun, changeRun } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import type { Job } from './job.ts';

export function sliceSteps(options: SlicegptOptions) {
  const percent = formatPercent(options.sparsity);
  return [
    { command: 'compress', label: `Slicing ${percent}` },
    { command: 'evaluate', label: `Perplexity at ${percent}` },
  ] as const;
}

export async function sliceAndEvaluate(
  studio: Studio,
  job: Job,
  options: SlicegptOptions,
  is_preview: boolean,
): Promise<void> {
  const { store } = studio;
  const report = await job.run('compress', slicingRecipe(options));
  const { protocol } = store.getState().results;
  changeResults(store, (results) =>
    addRun(results, {
      id: report.id,
      is_preview,
      report,
      perplexity: null,
      protocol,
      exports: [],
    }),
  );
  if (!is_preview) store.setState({ selected: null });
  const perplexity = await job.run('evaluate', { target: report.id, ...(is_preview && { quick: true }) });
  changeResults(store, (results) => changeRun(results, report.id, { perplexity, protocol: perplexity.protocol }));
}
