/** @file Files of prompts and answers that steps of a recipe learn from: given once, known by their names. */
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { isOccupied, runJob } from './job.ts';

/**
 * Beside those that were there, so that each step may learn from a file of its own. None: there are none any more.
 * @returns Whether they were taken.
 */
export async function takeExamples(studio: Studio, files: readonly File[]): Promise<boolean> {
  // A job that runs is not ended for it.
  if (isOccupied(studio)) return false;
  const title = files.length === 0 ? 'No examples' : `Examples ${files.map(({ name }) => name).join(', ')}`;
  return runJob(studio, 'examples', title, [{ command: 'set_examples', label: title }], async (job) => {
    const examples = await job.run('set_examples', { files: [...files], add: files.length > 0 });
    changeResults(studio.store, (results) => ({ ...results, examples }));
  });
}
