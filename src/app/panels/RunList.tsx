import type { ProtocolReport } from '../../engine/protocol.ts';
import { selectRun } from '../actions/select.ts';
import { protocolText } from '../components/Protocol.tsx';
import { formatBytes, formatPercent, formatPerplexity } from '../format.ts';
import { isSameEvaluation, type Run } from '../store/results.ts';
import { useStudio } from '../studio.ts';

interface Props {
  runs: readonly Run[];
  shown: string | null;
  /** Of the texts in use; a run of others says so. */
  protocol: ProtocolReport | null;
}

/** Every run of this model. Choosing one sets the settings it was made with. */
export function RunList({ runs, shown, protocol }: Props) {
  const studio = useStudio();
  if (runs.length === 0) return null;
  return (
    <div className="block">
      <h3>Runs</h3>
      <ul className="run-list">
        {runs.map((run) => {
          const { slice, perplexity } = run;
          const measured = perplexity?.protocol ?? null;
          const isOther = measured !== null && !isSameEvaluation(measured, protocol);
          return (
            <li key={run.id}>
              <button
                type="button"
                aria-pressed={run.id === shown}
                title={measured ? protocolText(measured) : 'Not measured'}
                onClick={() => selectRun(studio, run.id)}
              >
                <span>{formatPercent(slice.options.sparsity)}</span>
                <span className="run-how">
                  {slice.options.schedule}
                  {run.is_preview ? ', quick' : ''} · {slice.head}
                  {isOther ? ' · other texts' : ''}
                  {run.export.state === 'done' ? ' · verified' : ''}
                </span>
                <span>{formatBytes(slice.bytes)}</span>
                <strong>{perplexity ? formatPerplexity(perplexity.perplexity) : '–'}</strong>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
