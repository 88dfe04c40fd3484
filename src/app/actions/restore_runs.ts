/** @file In a session's next engine, once the model is open: texts and the weights of runs come back. */
import { isSameProtocol, withTexts } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import type { Job } from './job.ts';

/** Two steps of a job: `set_texts`, `restore`. Runs whose weights are not found stay with their figures, marked as lost. */
export async function restoreRuns({ store }: Studio, job: Job): Promise<void> {
  const { results } = store.getState();
  if (results.texts) {
    const { texts } = results;
    const protocol = await job.run('set_texts', texts);
    // Built-in code and chats may be others than those that were measured with: Whittle was updated since.
    if (results.protocol && !isSameProtocol(results.protocol, protocol))
      changeResults(store, (kept) => withTexts(kept, protocol, texts));
  }
  const { runs, removed, dense_exports } = results;
  const all = [...runs, ...removed];
  const exports = [dense_exports, ...all.map((run) => run.exports)].flat();
  const { restored } = await job.run('restore', {
    runs: all.map(({ id }) => id),
    keep_exports: exports.flatMap((entry) => (entry.state === 'done' ? [entry.report.folder] : [])),
  });
  const there = new Set(restored);
  const found = <T extends { id: string; is_lost?: boolean }>(run: T): T => ({
    ...run,
    is_lost: there.has(run.id) ? undefined : true,
  });
  changeResults(store, (kept) => ({
    ...kept,
    runs: kept.runs.map(found),
    removed: kept.removed.map(found),
  }));
}
