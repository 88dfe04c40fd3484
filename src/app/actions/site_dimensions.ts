/** @file What the editor of dimensions does: change, and slice by them. */
import { planOf } from '../store/plan.ts';
import { editedDimensions, editsAt, placeOf, type SiteEdits, slicingStep } from '../store/site_dimensions.ts';
import type { Studio } from '../studio.ts';
import { compress } from './compress.ts';

export function changeEdits({ store }: Studio, change: (edits: SiteEdits) => SiteEdits): void {
  const { edits, results, settings } = store.getState();
  if (!results.model) return;
  const next = change(editsAt(edits, placeOf(results.model, settings)));
  // Nobody is told of what stays.
  if (next !== edits) store.setState({ edits: next });
}

/** The dimensions that stand there as a recipe: run at once, or put where recipes are changed. */
export async function takeDimensions(studio: Studio, use: 'run' | 'recipe', isAgain = false): Promise<void> {
  const { edits, results, settings } = studio.store.getState();
  const { model } = results;
  const plan = model && planOf(model, settings).plan;
  if (!model || !plan) return;
  const dimensions = editedDimensions(plan, editsAt(edits, placeOf(model, settings)), model.shape.hidden_size);
  // With it comes the registry of methods.
  const { makeRecipe } = await import('../../compress/recipe/recipe.ts');
  const recipe = makeRecipe([slicingStep(dimensions, settings, plan)]);
  studio.store.setState({ recipe: recipe.text });
  if (use === 'run') await compress(studio, recipe, { isAgain, place: 'sites' });
}
