/** @file A recipe: made and measured. */
import type { StepInput } from '../../engine/protocol.ts';
import { madeRun, type RepeatPlace, recipeNow, unmeasuredRun } from '../store/repeat.ts';
import { addRun, changeRun } from '../store/results.ts';
import { changeResults, type MadeBefore } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { type Job, runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';
import { showRepeat } from './repeat.ts';

/** A recipe as this page needs it: checked by who calls. */
export interface MadeRecipe {
  text: string;
  steps: readonly StepInput[];
}

interface Manner {
  /** Also where it was made before. */
  isAgain?: boolean;
  /** The button that asked. */
  place?: RepeatPlace;
}

export async function compress(
  studio: Studio,
  recipe: MadeRecipe,
  { isAgain = false, place = 'recipe' }: Manner = {},
): Promise<void> {
  const { results } = studio.store.getState();
  if (!results.model) return;
  const made = isAgain ? undefined : madeRun(results, recipeNow(results, recipe.text));
  if (made) {
    showRepeat(studio, place, [made]);
    return;
  }
  studio.preview_wanted = false;
  const measuring = { command: 'evaluate', label: `Perplexity of ${recipe.text}` } as const;
  const making = { command: 'compress', label: recipe.text } as const;
  const isHalfDone = !isAgain && unmeasuredRun(results, recipeNow(results, recipe.text)) !== undefined;
  const make = (job: Job) => makeAndMeasure(studio, job, recipe, isAgain);
  await runJob(studio, 'recipe', recipe.text, isHalfDone ? [measuring] : [making, measuring], make, {
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

/**
 * Two steps of a job, or the second where only that is missing. The run is the one that the result speaks of, from the moment it
 * exists.
 */
export async function makeAndMeasure(studio: Studio, job: Job, recipe: MadeRecipe, isAgain = false): Promise<void> {
  const { store } = studio;
  const { results } = store.getState();
  const halfDone = isAgain ? undefined : unmeasuredRun(results, recipeNow(results, recipe.text));
  const id = halfDone?.id ?? (await make(studio, job, recipe));
  store.setState(({ made, results }) => ({
    selected: id,
    made: withMade(made, recipe.text, results.model?.name ?? ''),
  }));
  const perplexity = await job.run('evaluate', { target: id });
  changeResults(store, (results) => changeRun(results, id, { perplexity }));
}

async function make({ store }: Studio, job: Job, recipe: MadeRecipe): Promise<string> {
  changeResults(store, (results) => ({ ...results, training: null }));
  const made = await job.run('compress', { steps: recipe.steps });
  const report = { ...made, recipe: recipe.text };
  const { protocol } = store.getState().results;
  changeResults(store, (results) =>
    addRun(results, { id: report.id, report, perplexity: null, protocol, exports: [] }),
  );
  return report.id;
}
