import { removeExport } from '../../platform/export_folder.ts';
import { runName } from '../format.ts';
import { type Run, removeRun } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { ask } from './ask.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

async function removeExports({ exports }: Run): Promise<void> {
  for (const entry of exports) if (entry.state === 'done') await removeExport(entry.report.folder);
}

/** As {@link discardRun}, asking first where the run is more than a quick measure, which the next one replaces anyway. */
export async function removeRunAsked(studio: Studio, id: string): Promise<void> {
  const run = studio.store.getState().results.runs.find((other) => other.id === id);
  if (!run || studio.current) return;
  if (!run.is_preview) {
    const exports = run.exports.filter(({ state }) => state === 'done').length;
    const answered = await ask(studio, {
      title: `Remove the ${runName(run.slice.options)} run?`,
      lines: [
        exports === 0
          ? 'Its weights go with it.'
          : `Its weights go with it, and ${exports === 1 ? 'its export' : `its ${exports} exports`}.`,
      ],
      answers: [{ value: 'remove', label: 'Remove', is_final: true }],
      refusal: 'Keep it',
    });
    if (answered === null) return;
  }
  await discardRun(studio, id);
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
