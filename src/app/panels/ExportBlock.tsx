import { exportRun } from '../actions/export_run.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import type { Run } from '../store/results.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio } from '../studio.ts';
import { Downloads } from './Downloads.tsx';

/** Writes and verifies; nothing can be downloaded before the file was found to compute what the charts show. */
export function ExportBlock({ run }: { run: Run | null }) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  const state = run?.export.state ?? 'none';
  const canExport = run?.perplexity != null && !isBusy;
  return (
    <div className="block">
      <h3>Export</h3>
      {run?.export.state === 'done' ? (
        <Downloads report={run.export.report} />
      ) : (
        <button
          type="button"
          className="wide"
          data-action="export"
          disabled={!canExport}
          title={run ? 'Writes the files, then runs them in onnxruntime-web' : 'Slice first'}
          onClick={() => run && void exportRun(studio, run.id)}
        >
          {state === 'running' ? 'Writing and verifying…' : 'Export ONNX'}
        </button>
      )}
      {run?.export.state === 'failed' && <ErrorNote title="This export is not offered" error={run.export.error} />}
      {!run && <p className="muted">Once this setting has been sliced and measured, it can be exported.</p>}
      {run && state === 'none' && (
        <p className="muted">
          Offered for download only after onnxruntime-web gives the same perplexity, within 0.1 %. The largest
          difference of a logit is shown beside it.
        </p>
      )}
    </div>
  );
}
