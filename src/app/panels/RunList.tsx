import { useRef } from 'react';
import type { ProtocolReport } from '../../engine/protocol.ts';
import { removeRunAsked } from '../actions/discard_run.ts';
import { selectRun } from '../actions/select.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { formatBytes, formatPercent, formatPerplexity, runName } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { isSameEvaluation, type Run } from '../store/results.ts';
import { chosenPrecision, slicedTotal } from '../store/sizes.ts';
import { useStudio, useStudioState } from '../studio.ts';

interface Props {
  runs: readonly Run[];
  shown: string | null;
  /** Of the texts in use; a run of others says so. */
  protocol: ProtocolReport | null;
}

/** Every run of this model. Choosing one sets the settings it was made with. */
export function RunList({ runs, shown, protocol }: Props) {
  const studio = useStudio();
  const list = useRef<HTMLUListElement>(null);
  const isBusy = useStudioState((state) => state.job.state === 'running');
  if (runs.length === 0) return null;

  async function remove(index: number) {
    const { id } = runs[index];
    await removeRunAsked(studio, id);
    if (studio.store.getState().results.runs.some((run) => run.id === id)) return;
    // The button that had the focus is gone; the next one takes it, so that Tab goes on from here.
    requestAnimationFrame(() => {
      const buttons = list.current?.querySelectorAll<HTMLButtonElement>('.run-remove') ?? [];
      buttons[Math.min(index, buttons.length - 1)]?.focus();
    });
  }

  return (
    <div className="block">
      <h3>Runs</h3>
      <ul className="run-list" ref={list}>
        {runs.map((run, index) => (
          <li key={run.id}>
            <RunButton
              run={run}
              isShown={run.id === shown}
              protocol={protocol}
              onSelect={() => selectRun(studio, run.id)}
            />
            <ActionButton
              className="run-remove quiet"
              aria-label={`Remove ${runName(run.slice.options)} run`}
              hindrance={isBusy && BUSY}
              title="Remove this run, its weights and its exports"
              onClick={() => void remove(index)}
            >
              ×
            </ActionButton>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface RunButtonProps {
  run: Run;
  isShown: boolean;
  protocol: ProtocolReport | null;
  onSelect: () => void;
}

function RunButton({ run, isShown, protocol, onSelect }: RunButtonProps) {
  const { slice, perplexity } = run;
  const model = useStudioState((state) => state.results.model);
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  const bytes = model ? slicedTotal(model, slice, precision) : slice.bytes;
  const measured = perplexity?.protocol ?? null;
  const isOther = measured !== null && !isSameEvaluation(measured, protocol);
  return (
    <button
      type="button"
      className="run-choose"
      aria-pressed={isShown}
      title={measured ? protocolText(measured) : 'Not measured'}
      onClick={onSelect}
    >
      <span>{formatPercent(slice.options.sparsity)}</span>
      <span className="run-how">
        {slice.options.schedule}
        {run.is_preview ? ', quick' : ''} · {slice.head}
        {isOther ? ' · other texts' : ''}
        {run.is_lost ? ' · weights lost' : ''}
        {run.exports.some(({ state }) => state === 'done') && (
          <>
            <span aria-hidden="true"> ✓</span>
            <span className="visually-hidden">, exported</span>
          </>
        )}
      </span>
      <span>{formatBytes(bytes)}</span>
      <strong>{perplexity ? formatPerplexity(perplexity.perplexity) : '–'}</strong>
    </button>
  );
}
