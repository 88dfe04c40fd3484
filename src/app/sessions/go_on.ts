/** @file Going on with a job that was broken off: what it had finished stays, what it had begun is taken up. */
import { compress } from '../actions/compress.ts';
import { exportModel } from '../actions/export_model.ts';
import { runJob } from '../actions/job.ts';
import { measureMissing } from '../actions/open_model.ts';
import { readRecipe } from '../actions/read_recipe.ts';
import { sliceAll } from '../actions/slice.ts';
import { solveForSize } from '../actions/target.ts';
import { madeRun } from '../store/repeat.ts';
import { changeRun, findRun, missingMeasures } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Work } from '../store/work.ts';
import type { Studio } from '../studio.ts';
import { runsOf } from './data.ts';

/** @param work Null: only what was never measured. */
export async function goOn(studio: Studio, work: Work | null): Promise<void> {
  const { store } = studio;
  const { results, settings } = store.getState();
  if (!results.protocol || missingMeasures(results, settings.fusion)) await measureMissing(studio);
  await measureRuns(studio);
  if (!work) return;
  if (work.kind === 'recipe') {
    // An importance matrix is not kept with the session: what was made with one is made.
    if (!madeRun(store.getState().results, { recipe: work.recipe.text })) await compress(studio, work.recipe);
  } else if (work.kind === 'target') {
    await solveForSize(studio, work.bytes, readRecipe);
  } else if (work.kind === 'export') {
    if (work.id === 'dense' || findRun(store.getState().results, work.id)) {
      await exportModel(studio, work.id, work.choice);
    }
  } else {
    const { results } = store.getState();
    const left = work.options.filter((slice) => !madeRun(results, { slice }));
    if (left.length > 0) await sliceAll(studio, work.title, left);
  }
}

/** Runs that were made and not measured to the end. */
async function measureRuns(studio: Studio): Promise<void> {
  const { store } = studio;
  const open = runsOf(store.getState().results).filter(({ perplexity, is_lost }) => !perplexity && !is_lost);
  if (open.length === 0) return;
  const steps = open.map(({ id }) => ({ command: 'evaluate', label: `Perplexity of ${id}` }) as const);
  await runJob(studio, 'measure', 'Measuring what was made', steps, async (job) => {
    for (const { id } of open) {
      const perplexity = await job.run('evaluate', { target: id });
      changeResults(store, (results) => changeRun(results, id, { perplexity }));
    }
  });
}
