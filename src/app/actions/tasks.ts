/** @file Multiple-choice tasks: files that are taken, and how models do on them. */
import type { PickedFile } from '../../platform/dropped_files.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { isOccupied, runJob } from './job.ts';

/** Whether what came may be examples of tasks for the model that is open. */
export function mayBeTasks({ store }: Studio, files: readonly PickedFile[]): boolean {
  return (
    files.length > 0 &&
    files.every(({ file }) => /\.jsonl$/i.test(file.name)) &&
    store.getState().results.model !== null
  );
}

/** In place of those that were there. None: there are no tasks any more. */
export async function takeTasks(studio: Studio, files: readonly File[]): Promise<void> {
  // A job that runs is not ended for it.
  if (isOccupied(studio)) return;
  const title = files.length === 0 ? 'No tasks' : `Tasks ${files.map(({ name }) => name).join(', ')}`;
  await runJob(studio, 'tasks', title, [{ command: 'set_tasks', label: title }], async (job) => {
    const tasks = await job.run('set_tasks', { files: [...files] });
    changeResults(studio.store, (results) => ({ ...results, tasks, scores: {} }));
  });
}

/** Of the open model, or of a run. */
export async function scoreTasks(studio: Studio, target: 'dense' | string): Promise<void> {
  const title = target === 'dense' ? 'Tasks on the dense model' : 'Tasks on this model';
  await runJob(studio, 'tasks', title, [{ command: 'score', label: title }], async (job) => {
    const { tasks } = await job.run('score', { target });
    changeResults(studio.store, (results) => ({ ...results, scores: { ...results.scores, [target]: tasks } }));
  });
}
