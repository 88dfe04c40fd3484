/** @file Recipes as files: saved as JSON, taken from one that is opened or dropped. */
import { formatStep, type StepInput, stepsOf } from '../../compress/recipe/recipe.ts';
import { toErrorData } from '../../errors/errors.ts';
import { downloadBlob } from '../../platform/download.ts';
import { actionOnPage } from '../store/action_text.ts';
import type { Studio } from '../studio.ts';
import { ask } from './ask.ts';

/** The published form: `public/recipe.schema.json` describes it, `--recipe FILE.json` reads it. */
export async function saveRecipe(steps: readonly StepInput[], stem: string): Promise<void> {
  const text = `${JSON.stringify({ steps }, null, 2)}\n`;
  await downloadBlob(new Blob([text], { type: 'application/json' }), `${stem}.recipe.json`);
}

/** A file's recipe takes the place of the one at hand, as it was written there; the form says what is wrong with it. */
export async function takeRecipe(studio: Studio, file: File): Promise<void> {
  const { store } = studio;
  const before = store.getState().recipe;
  let recipe: string;
  try {
    // A list of steps is what can be shown and mended; anything else is none of it.
    recipe = stepsOf(await file.text())
      .map(formatStep)
      .join('; ');
  } catch (thrown) {
    const { message, allowed, action } = toErrorData(thrown);
    const lines = [message, allowed ? `Allowed: ${allowed}.` : '', actionOnPage(action ?? '')].filter(Boolean);
    await ask(studio, { title: `${file.name} is no recipe`, lines, answers: [], refusal: 'Keep the one at hand' });
    return;
  }
  store.setState({ recipe });
  if (store.getState().results.model) return;
  const lines = [
    `It stands under Recipe once a model is open${before ? ', in place of the one that stood there' : ''}.`,
  ];
  await ask(studio, { title: `${file.name} is a recipe`, lines, answers: [], refusal: 'OK' });
}
