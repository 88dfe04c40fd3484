/** @file What the table of runs does: choose, name, pin, take away and put back. */
import { removeExport } from '../../platform/export_folder.ts';
import { changeRun, findRun, isRebased, putBack, type Run, takeAway } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';
import { selectRun } from './select.ts';

/** How long a run that was taken away can be put back. */
const UNDO_MS = 300_000;

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
export function takeRunAway(studio: Studio, id: string): void {
  const { store } = studio;
  if (studio.current) return;
  changeResults(store, (results) => takeAway(results, id));
  store.setState(({ selected }) => ({ selected: selected === id ? null : selected }));
  freeLater(studio, id);
}

export function putRunBack(studio: Studio, id: string): void {
  clearTimeout(timersOf(studio).get(id));
  changeResults(studio.store, (results) => putBack(results, id));
}

const timers = new WeakMap<Studio, Map<string, ReturnType<typeof setTimeout>>>();

function timersOf(studio: Studio): Map<string, ReturnType<typeof setTimeout>> {
  const known = timers.get(studio) ?? new Map();
  timers.set(studio, known);
  return known;
}

function freeLater(studio: Studio, id: string): void {
  const free = () => (studio.current ? freeLater(studio, id) : void freeRemoved(studio, id));
  timersOf(studio).set(id, setTimeout(free, UNDO_MS));
}

/** Frees what was taken away. Nothing happens while any job runs, or where it was put back. */
export async function freeRemoved(studio: Studio, id: string): Promise<void> {
  const removed = studio.store.getState().results.removed.find((each) => each.id === id);
  if (!removed || studio.current) return;
  const steps = [{ command: 'discard', label: 'Freeing its weights' }] as const;
  await runJob(studio, 'discard', 'Freeing a removed run', steps, async (job) => {
    await job.run('discard', { id });
    // An engine that came later knows nothing of the exports of a run that was lost.
    if (removed.is_lost) await removeExports(removed);
    changeResults(studio.store, (results) => {
      const { [id]: _, ...curves } = results.curves;
      return { ...results, removed: results.removed.filter((each) => each.id !== id), curves };
    });
  });
  await previewIfWanted(studio);
}

async function removeExports({ exports }: Run): Promise<void> {
  for (const entry of exports) if (entry.state === 'done') await removeExport(entry.report.folder);
}
