/** @file Going on with a job that was broken off: what it had finished stays, what it had begun is taken up. */
import type { SlicegptOptions } from '../../engine/protocol.ts';
import { compress } from '../actions/compress.ts';
import { exportModel } from '../actions/export_model.ts';
import { runJob } from '../actions/job.ts';
import { measureMissing } from '../actions/open_model.ts';
import { readRecipe } from '../actions/read_recipe.ts';
import { sliceAll } from '../actions/slice.ts';
import { solveForSize } from '../actions/target.ts';
import { changeRun, findRun, missingMeasures, type Run } from '../store/results.ts';
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
    const isMade = store.getState().results.runs.some(({ report }) => report.recipe === work.recipe.text);
    if (!isMade) await compress(studio, work.recipe);
  } else if (work.kind === 'target') {
    await solveForSize(studio, work.bytes, readRecipe);
  } else if (work.kind === 'export') {
    if (work.id === 'dense' || findRun(store.getState().results, work.id)) {
      await exportModel(studio, work.id, work.choice);
    }
  } else {
    const { runs } = store.getState().results;
    const left = work.options.filter((options) => !runs.some((run) => isOf(run, options)));
    if (left.length > 0) await sliceAll(studio, work.title, left);
  }
}

function isOf({ report: { bases }, is_lost, is_preview }: Run, options: SlicegptOptions): boolean {
  const names = ['sparsity', 'round', 'schedule', 'fusion', 'head'] as const;
  return !is_lost && !is_preview && names.every((name) => bases?.options[name] === options[name]);
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
