/** @file Export: written and verified by the engine; only then is there anything to download. */
import { type ErrorData, WhittleError } from '../../errors/errors.ts';
import { requestPersistence } from '../../platform/opfs.ts';
import { dropExport, type ExportChoice, type ExportEntry, exportName, putExport } from '../store/exports.ts';
import { isOfEngine, STARTED_ANEW } from '../store/failure.ts';
import { changeExports, changeRun, findRun } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

/** Exports a run by its id, or the open model as it is. An export of the same format and precision is replaced. */
export async function exportModel(studio: Studio, id: 'dense' | string, choice: ExportChoice): Promise<void> {
  const { store } = studio;
  if (findRun(store.getState().results, id)?.is_lost) return;
  const put = (entry: ExportEntry) =>
    changeResults(store, (results) => changeExports(results, id, (exports) => putExport(exports, entry)));
  // The files lie in this site's storage until they are downloaded; a refusal changes nothing else.
  void requestPersistence().catch(() => false);
  // From now on the run is the person's, not a measurement that the next move of the slider may throw away.
  if (id !== 'dense') changeResults(store, (results) => changeRun(results, id, { is_preview: false }));
  put({ choice, state: 'running' });
  const steps = [{ command: 'export', label: 'Writing and verifying' }] as const;
  const isDone = await runJob(
    studio,
    'export',
    `Exporting ${exportName(choice)}`,
    steps,
    async (job) => {
      const { protocol } = store.getState().results;
      const report = await job.run('export', { id, options: choice });
      if (!report.verified) throw unverified(report.perplexity, report.perplexity_in_app);
      put({ choice, state: 'done', report, protocol });
    },
    { kind: 'export', id, choice },
  );
  const { job } = store.getState();
  if (!isDone) {
    const error = job.state === 'failed' && job.kind === 'export' ? failureOf(studio, job.error) : null;
    if (error) put({ choice, state: 'failed', error });
    else changeResults(store, (results) => changeExports(results, id, (exports) => dropExport(exports, choice)));
  }
  await previewIfWanted(studio);
}

/** What the card tells; null where the page tells it already: of an engine that died more than once. */
function failureOf({ store }: Studio, error: ErrorData): ErrorData | null {
  if (!isOfEngine(error)) return error;
  return store.getState().interruption ? null : { ...error, action: STARTED_ANEW };
}

function unverified(found: number, expected: number): WhittleError {
  return new WhittleError({
    code: 'verification_failed',
    message: `The exported file has a perplexity of ${found}, the same numbers in the studio ${expected}.`,
    allowed: 'a relative difference of at most 1e-3',
    action: 'The file is not offered. Choose another format or precision, or the CPU backend; and please report this.',
  });
}
