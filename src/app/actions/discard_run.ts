import { removeExport } from '../../platform/export_folder.ts';
import { runName } from '../format.ts';
import { type Run, removeRun } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

async function removeExports({ exports }: Run): Promise<void> {
  for (const entry of exports) if (entry.state === 'done') await removeExport(entry.report.folder);
}

/** Removes a run with its weights and its exports. Nothing happens while any job runs: it may be using the run. */
export async function discardRun(studio: Studio, id: string): Promise<void> {
  const run = studio.store.getState().results.runs.find((other) => other.id === id);
  if (!run || studio.current) return;
  const title = `Removing the ${runName(run.slice.options)} run`;
  await runJob(studio, 'discard', title, [{ command: 'discard', label: 'Freeing its weights' }], async (job) => {
    await job.run('discard', { id });
    // An engine that came later knows nothing of the exports of a run that was lost.
    if (run.is_lost) await removeExports(run);
    changeResults(studio.store, (results) => removeRun(results, id));
  });
  await previewIfWanted(studio);
}
