/** @file An importance matrix of llama.cpp: another program's in place of the calibration text's, or the text's own to keep. */
import { downloadExport } from '../../platform/download.ts';
import type { PickedFile } from '../../platform/dropped_files.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { ask } from './ask.ts';
import { isOccupied, runJob } from './job.ts';

const IMATRIX_NAME = /imatrix[^/]*\.(?:gguf|dat)$|\.imatrix$/i;

/** Whether what came is an importance matrix for the model that is open. */
export function isImatrix({ store }: Studio, files: readonly PickedFile[]): boolean {
  return files.length === 1 && IMATRIX_NAME.test(files[0].file.name) && store.getState().results.model !== null;
}

/** Null takes the calibration text's again. */
export async function takeImatrix(studio: Studio, file: File | null): Promise<void> {
  // A job that runs is not ended for it, and goes by what it began with.
  if (isOccupied(studio) && !(file && (await isAwaited(studio, file.name)))) return;
  const title = file ? `Importance matrix ${file.name}` : 'Importance of the calibration text';
  await runJob(studio, 'imatrix', title, [{ command: 'set_imatrix', label: title }], async (job) => {
    const imatrix = await job.run('set_imatrix', { file });
    changeResults(studio.store, (results) => ({ ...results, imatrix }));
  });
}

/** Whether it is to be taken once the job that runs has ended, and the same model is open then. */
async function isAwaited(studio: Studio, name: string): Promise<boolean> {
  const { job, results } = studio.store.getState();
  const running = job.state === 'running' ? job.title : 'A job';
  const answers = [{ value: 'wait', label: 'Use it after that' }];
  const chosen = await ask(studio, {
    title: `${name} has to wait`,
    lines: [`${running} is running, and goes on with the importances that it began with.`],
    answers,
    refusal: 'Leave it',
  });
  if (!chosen) return false;
  while (studio.current && isOccupied(studio)) await studio.current.done;
  return studio.store.getState().results.model === results.model;
}

/** Sums it on the calibration text, and hands it to the browser's downloads. */
export async function downloadImatrix(studio: Studio): Promise<void> {
  const title = 'Importance matrix';
  await runJob(studio, 'imatrix', title, [{ command: 'write_imatrix', label: title }], async (job) => {
    const { folder, file } = await job.run('write_imatrix', {});
    await downloadExport(folder, file.name);
  });
}
