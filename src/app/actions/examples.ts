/** @file Files of prompts and answers that steps of a recipe learn from: given once, known by their names. */
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { isOccupied, runJob } from './job.ts';

/** In place of those that were there. None: there are none any more. */
export async function takeExamples(studio: Studio, files: readonly File[]): Promise<void> {
  // A job that runs is not ended for it.
  if (isOccupied(studio)) return;
  const title = files.length === 0 ? 'No examples' : `Examples ${files.map(({ name }) => name).join(', ')}`;
  await runJob(studio, 'examples', title, [{ command: 'set_examples', label: title }], async (job) => {
    const examples = await job.run('set_examples', { files: [...files] });
    changeResults(studio.store, (results) => ({ ...results, examples }));
  });
}
