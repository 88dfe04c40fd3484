/** @file A recipe: made and measured, and removed again. */
import type { Recipe } from '../../compress/recipe/recipe.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

export async function compress(studio: Studio, recipe: Recipe): Promise<void> {
  const { store } = studio;
  if (!store.getState().results.model) return;
  studio.preview_wanted = false;
  const steps = [
    { command: 'compress', label: recipe.text },
    { command: 'evaluate', label: `Perplexity of ${recipe.text}` },
  ] as const;
  await runJob(studio, 'recipe', recipe.text, steps, async (job) => {
    const made = await job.run('compress', { steps: recipe.steps });
    const report = { ...made, recipe: recipe.text };
    const run = { id: report.id, report, perplexity: null, exports: [] };
    changeResults(store, (results) => ({ ...results, recipe_runs: [...results.recipe_runs, run] }));
    const perplexity = await job.run('evaluate', { target: report.id });
    changeResults(store, (results) => ({
      ...results,
      recipe_runs: results.recipe_runs.map((each) => (each.id === report.id ? { ...each, perplexity } : each)),
    }));
  });
  await previewIfWanted(studio);
}

/** Removes a run with its weights and its exports. Nothing happens while any job runs: it may be using the run. */
export async function discardRecipeRun(studio: Studio, id: string): Promise<void> {
  if (studio.current) return;
  const steps = [{ command: 'discard', label: 'Freeing its weights' }] as const;
  await runJob(studio, 'discard', 'Removing a run', steps, async (job) => {
    await job.run('discard', { id });
    changeResults(studio.store, (results) => ({
      ...results,
      recipe_runs: results.recipe_runs.filter((run) => run.id !== id),
    }));
  });
}
