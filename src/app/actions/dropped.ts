/** @file What was dropped or picked and is no model: texts, examples, projects, recipes, importance matrices. Loaded for those alone. */
import type { PickedFile } from '../../platform/dropped_files.ts';
import type { Studio } from '../studio.ts';
import { isProject, isRecipe } from './dropped_recipe.ts';
import { isImatrix, takeImatrix } from './imatrix.ts';
import { mayBeTasks } from './tasks.ts';
import { areTexts, offerLines, offerTexts } from './texts.ts';

/** @returns Whether it was one of them; else it is to be opened as a model. */
export async function takeDropped(studio: Studio, files: readonly PickedFile[]): Promise<boolean> {
  if (mayBeTasks(studio, files)) await offerLines(studio, files);
  else if (areTexts(files)) await offerTexts(studio, files);
  else if (studio.takeProject && (await isProject(files))) await studio.takeProject(files[0].file);
  else if (await isRecipe(files)) await (await import('./recipe_file.ts')).takeRecipe(studio, files[0].file);
  else if (isImatrix(studio, files)) await takeImatrix(studio, files[0].file);
  else return false;
  return true;
}
