/** @file What the table of runs does: choose, name, pin, take away and put back. */
import { removeExport } from '../../platform/export_folder.ts';
import { changeRun, findRun, isRebased, putBack, type Run, takeAway } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';
import { selectRun } from './select.ts';

/** How long a run that was taken away can be put back. */
const UNDO_MS = 30_000;

/** The result speaks of it; the slider's settings come back with it, so that the slider stands where it was made. */
export function showRun(studio: Studio, id: string): void {
  const run = findRun(studio.store.getState().results, id);
  if (!run) return;
  if (isRebased(run)) selectRun(studio, id);
  else studio.store.setState({ selected: id });
}

export function nameRun({ store }: Studio, id: string, name: string): void {
  changeResults(store, (results) => changeRun(results, id, { name: name.trim() || undefined }));
}

export function pinRun({ store }: Studio, id: string, is_pinned: boolean): void {
  changeResults(store, (results) => changeRun(results, id, { is_pinned }));
}

/** Off the page at once; its weights and files go when it can no longer be put back. */
export async function takeRunAway(studio: Studio, id: string): Promise<void> {
  const { store } = studio;
  if (studio.current) return;
  await freeRemoved(studio);
  changeResults(store, (results) => takeAway(results, id));
  store.setState(({ selected }) => ({ selected: selected === id ? null : selected }));
  freeLater(studio, id);
}

export function putRunBack({ store }: Studio): void {
  changeResults(store, putBack);
}

function freeLater(studio: Studio, id: string): void {
  setTimeout(() => {
    if (studio.store.getState().results.removed?.id !== id) return;
    if (studio.current) freeLater(studio, id);
    else void freeRemoved(studio);
  }, UNDO_MS);
}

/** Frees what was taken away. Nothing happens while any job runs. */
export async function freeRemoved(studio: Studio): Promise<void> {
  const { removed } = studio.store.getState().results;
  if (!removed || studio.current) return;
  const steps = [{ command: 'discard', label: 'Freeing its weights' }] as const;
  await runJob(studio, 'discard', 'Freeing a removed run', steps, async (job) => {
    await job.run('discard', { id: removed.id });
    // An engine that came later knows nothing of the exports of a run that was lost.
    if (removed.is_lost) await removeExports(removed);
    changeResults(studio.store, (results) => {
      const { [removed.id]: _, ...curves } = results.curves;
      return { ...results, removed: null, curves };
    });
  });
  await previewIfWanted(studio);
}

async function removeExports({ exports }: Run): Promise<void> {
  for (const entry of exports) if (entry.state === 'done') await removeExport(entry.report.folder);
}
