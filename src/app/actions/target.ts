/** @file A size is named, the engine answers: the best recipe of that size is found, made and measured. */

import { formatBytes } from '../format.ts';
import { type ExportFormat, solverFormat } from '../store/exports.ts';
import { withoutSteps } from '../store/job.ts';
import { madeRun, recipeNow, unmeasuredRun } from '../store/repeat.ts';
import { isSameProtocol, type Results, type Run } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import type { MadeRecipe } from './compress.ts';
import { makeAndMeasure } from './compress.ts';
import { type Job, runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';
import { showRepeat } from './repeat.ts';

/**
 * @param read Checks a recipe's text: the registry that it takes is no part of the first load.
 * @param told_s Seconds that the person was told, to be held against what it took.
 * @param isAgain Also where the answer is known and was made.
 */
export async function solveForSize(
  studio: Studio,
  bytes: number,
  read: (text: string) => Promise<MadeRecipe>,
  told_s: number | null = null,
  isAgain = false,
): Promise<void> {
  const { store } = studio;
  const { results, settings } = store.getState();
  if (!results.model) return;
  const format = solverFormat(settings.export.sliced.format);
  const answered = isAgain ? undefined : answeredBy(results, bytes, format);
  if (answered) {
    showRepeat(studio, 'target', [answered]);
    return;
  }
  studio.preview_wanted = false;
  const title = `Best model of ${formatBytes(bytes)}`;
  const steps = [
    { command: 'solve', label: 'Looking for the best recipe' },
    { command: 'compress', label: 'Making the best recipe' },
    { command: 'evaluate', label: 'Perplexity of the best' },
  ] as const;
  const started_at = performance.now();
  const work = { kind: 'target', bytes } as const;
  const search = async (job: Job) => {
    const solution = await job.run('solve', {
      target: { bytes },
      format,
    });
    changeResults(store, (kept) => ({ ...kept, solution: { ...solution, protocol: kept.protocol, told_s } }));
    const recipe = await read(solution.candidates[0].recipe);
    const { results: now } = store.getState();
    const wanted = recipeNow(now, recipe.text);
    const made = isAgain ? undefined : madeRun(now, wanted);
    // Of what another search, or the person, has made there is only to be told.
    const needless = made
      ? (['compress', 'evaluate'] as const)
      : !isAgain && unmeasuredRun(now, wanted)
        ? (['compress'] as const)
        : [];
    store.setState((state) => ({ job: needless.reduce(withoutSteps, state.job) }));
    if (made) showRepeat(studio, 'target', [made]);
    else await makeAndMeasure(studio, job, recipe, isAgain);
  };
  const isDone = await runJob(studio, 'solve', title, steps, search, work);
  const taken_s = (performance.now() - started_at) / 1000;
  if (isDone)
    changeResults(store, (kept) => (kept.solution ? { ...kept, solution: { ...kept.solution, taken_s } } : kept));
  await previewIfWanted(studio);
}

/** The run of the last answer, where that was to the same question. */
function answeredBy(results: Results, bytes: number, format: ExportFormat): Run | undefined {
  const { solution, protocol } = results;
  const isSame = solution?.target_bytes === bytes && solution.format === format;
  if (!solution || !isSame || !isSameProtocol(solution.protocol, protocol)) return undefined;
  return madeRun(results, recipeNow(results, solution.candidates[0].recipe));
}
