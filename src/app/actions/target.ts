/** @file A size is named, the engine answers: the best recipe of that size is found, made and measured. */

import { formatBytes } from '../format.ts';
import { solverFormat } from '../store/exports.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import type { MadeRecipe } from './compress.ts';
import { makeAndMeasure } from './compress.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

/** @param read Checks a recipe's text: the registry that it takes is no part of the first load. */
export async function solveForSize(
  studio: Studio,
  bytes: number,
  read: (text: string) => Promise<MadeRecipe>,
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
  await runJob(studio, 'solve', title, steps, async (job) => {
    const solution = await job.run('solve', {
      target: { bytes },
      format: solverFormat(format),
    });
    changeResults(store, (kept) => ({ ...kept, solution }));
    await makeAndMeasure(studio, job, await read(solution.candidates[0].recipe));
  });
  await previewIfWanted(studio);
}
