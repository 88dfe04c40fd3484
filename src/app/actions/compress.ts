/** @file A recipe: made and measured. */
import type { StepInput } from '../../engine/protocol.ts';
import { addRun, changeRun } from '../store/results.ts';
import { changeResults, type MadeBefore } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { type Job, runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

/** A recipe as this page needs it: checked by who calls. */
export interface MadeRecipe {
  text: string;
  steps: readonly StepInput[];
}

export async function compress(studio: Studio, recipe: MadeRecipe): Promise<void> {
  if (!studio.store.getState().results.model) return;
  studio.preview_wanted = false;
  const steps = [
    { command: 'compress', label: recipe.text },
    { command: 'evaluate', label: `Perplexity of ${recipe.text}` },
  ] as const;
  await runJob(studio, 'recipe', recipe.text, steps, (job) => makeAndMeasure(studio, job, recipe), {
    kind: 'recipe',
    recipe,
  });
  await previewIfWanted(studio);
}

/** Beyond, the oldest go. */
const MOST_MADE = 12;

function withMade(made: readonly MadeBefore[], recipe: string, model: string): MadeBefore[] {
  return [...made.filter((each) => each.recipe !== recipe), { recipe, model }].slice(-MOST_MADE);
}

/** Two steps of a job. The run is the one that the result speaks of, from the moment it exists. */
export async function makeAndMeasure({ store }: Studio, job: Job, recipe: MadeRecipe): Promise<void> {
  changeResults(store, (results) => ({ ...results, training: null }));
  const made = await job.run('compress', { steps: recipe.steps });
  const report = { ...made, recipe: recipe.text };
  const { protocol } = store.getState().results;
  changeResults(store, (results) =>
    addRun(results, { id: report.id, report, perplexity: null, protocol, exports: [] }),
  );
  store.setState(({ made, results }) => ({
    selected: report.id,
    made: withMade(made, recipe.text, results.model?.name ?? ''),
  }));
  const perplexity = await job.run('evaluate', { target: report.id });
  changeResults(store, (results) => changeRun(results, report.id, { perplexity }));
}
