/** @file Export: written and verified by the engine; only then is there anything to download. */
import { WhittleError } from '../../errors/errors.ts';
import { requestPersistence } from '../../platform/opfs.ts';
import { changeRun } from '../store/results.ts';
import { changeResults } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { runJob } from './job.ts';
import { previewIfWanted } from './preview.ts';

export async function exportRun(studio: Studio, id: string): Promise<void> {
  const { store } = studio;
  // The files lie in this site's storage until they are downloaded; a refusal changes nothing else.
  void requestPersistence().catch(() => false);
  // From now on the run is the person's, not a measurement that the next move of the slider may throw away.
  changeResults(store, (results) => changeRun(results, id, { is_preview: false, export: { state: 'running' } }));
  const steps = [{ command: 'export', label: 'Writing and verifying ONNX' }] as const;
  const isDone = await runJob(studio, 'export', 'Exporting ONNX', steps, async (job) => {
    const report = await job.run('export', { id });
    if (!report.verified) throw unverified(report.perplexity, report.perplexity_in_app);
    changeResults(store, (results) => changeRun(results, id, { export: { state: 'done', report } }));
  });
  const { job } = store.getState();
  if (!isDone) {
    const failure = job.state === 'failed' && job.kind === 'export' ? job.error : null;
    changeResults(store, (results) =>
      changeRun(results, id, { export: failure ? { state: 'failed', error: failure } : { state: 'none' } }),
    );
  }
  await previewIfWanted(studio);
}

function unverified(found: number, expected: number): WhittleError {
  return new WhittleError({
    code: 'verification_failed',
    message: `onnxruntime-web gives the exported file a perplexity of ${found}, the studio ${expected}.`,
    allowed: 'a relative difference of at most 1e-3',
    action: 'The file is not offered. Slice again, or try the CPU reference backend.',
  });
}
