/** @file A size is named, the engine answers: the best recipe of that size is found, made and measured. */

import { formatBytes } from '../format.ts';
import { solverFormat } from '../store/exports.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import type { MadeRecipe } from './compress.ts';
import { makeAndMeasure } from './compress.ts';
import { type Job, runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

/**
 * @param read Checks a recipe's text: the registry that it takes is no part of the first load.
 * @param told_s Seconds that the person was told, to be held against what it took.
 */
export async function solveForSize(
  studio: Studio,
  bytes: number,
  read: (text: string) => Promise<MadeRecipe>,
  told_s: number | null = null,
): Promise<void> {
  const { store } = studio;
  const { results, settings } = store.getState();
  if (!results.model) return;
  const { format } = settings.export.sliced;
  studio.preview_wanted = false;
  const title = `Best model of ${formatBytes(bytes)}`;
  const steps = [
    { command: 'solve', label: 'Looking for the best recipe' },
    { command: 'compress', label: 'Making it' },
    { command: 'evaluate', label: 'Perplexity of the best' },
  ] as const;
  const started_at = performance.now();
  const work = { kind: 'target', bytes } as const;
  const search = async (job: Job) => {
    const solution = await job.run('solve', {
      target: { bytes },
      format: solverFormat(format),
    });
    changeResults(store, (kept) => ({ ...kept, solution: { ...solution, protocol: kept.protocol, told_s } }));
    await makeAndMeasure(studio, job, await read(solution.candidates[0].recipe));
  };
  const isDone = await runJob(studio, 'solve', title, steps, search, work);
  const taken_s = (performance.now() - started_at) / 1000;
  if (isDone)
    changeResults(store, (kept) => (kept.solution ? { ...kept, solution: { ...kept.solution, taken_s } } : kept));
  await previewIfWanted(studio);
}
