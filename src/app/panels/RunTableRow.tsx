import { useRef, useState } from 'react';
import { nameRun, pinRun, takeRunAway } from '../actions/runs.ts';
import { formatError, formatY } from '../charts/scales.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { formatBytes } from '../format.ts';
import type { Figure, YAxis } from '../store/front.ts';
import { BUSY } from '../store/job.ts';
import type { RunRow } from '../store/runs_table.ts';
import { useStudio, useStudioState } from '../studio.ts';

interface Props {
  row: RunRow;
  isShown: boolean;
  isCompared: boolean;
  onCompare: () => void;
  onShow: () => void;
}

export function RunTableRow({ row, isShown, isCompared, onCompare, onShow }: Props) {
  const studio = useStudio();
  const isBusy = useStudioState((state) => state.job.state === 'running');
  const [isNaming, setNaming] = useState(false);
  const isDense = row.id === 'dense';
  const { measured } = row;
  return (
    <tr data-run={row.id} aria-current={isShown ? 'true' : undefined}>
      <td>
        <label className="tick" title="Compare two: tick both">
          <input type="checkbox" checked={isCompared} aria-label={`Compare ${row.label}`} onChange={onCompare} />
        </label>
      </td>
      <th scope="row" title={row.recipe}>
        {isNaming ? (
          <NameField
            name={row.label}
            onDone={(name) => {
              setNaming(false);
              if (name !== null) nameRun(studio, row.id, name);
            }}
          />
        ) : (
          <span className="run-name">
            {isDense ? (
              <span>{row.label}</span>
            ) : (
              <button type="button" className="run-choose" aria-pressed={isShown} onClick={onShow}>
                {row.label}
              </button>
            )}
            {row.remarks.length > 0 && <span className="muted run-remarks">{row.remarks.join(' · ')}</span>}
            {row.files > 0 && (
              <span className="run-files" title={`${row.files} verified export${row.files === 1 ? '' : 's'}`}>
                ✓<span className="visually-hidden"> exported</span>
              </span>
            )}
          </span>
        )}
      </th>
      <td title={measured ? protocolText(measured.protocol) : 'Not measured'}>
        <Measured figure={row.perplexity} axis="perplexity" />
      </td>
      <td>
        <Measured figure={row.kl} axis="kl" />
      </td>
      <td>
        <Measured figure={row.top1} axis="top1" />
      </td>
      <td>{formatBytes(row.bytes)}</td>
      <td>{row.bits.toFixed(2)}</td>
      <td>{row.prefill === null ? '–' : Math.round(row.prefill).toLocaleString('en-US')}</td>
      <td>{row.decode === null ? '–' : row.decode.toFixed(row.decode < 100 ? 1 : 0)}</td>
      <td className="run-tools">
        {!isDense && (
          <>
            <button
              type="button"
              className="quiet"
              aria-pressed={row.is_pinned}
              aria-label={`Pin ${row.label}`}
              title="Keep on top"
              onClick={() => pinRun(studio, row.id, !row.is_pinned)}
            >
              {row.is_pinned ? '★' : '☆'}
            </button>
            <button
              type="button"
              className="quiet"
              aria-label={`Rename ${row.label}`}
              title="Rename"
              onClick={() => setNaming(true)}
            >
              ✎
            </button>
            <ActionButton
              className="run-remove quiet"
              aria-label={`Remove ${row.label}`}
              hindrance={isBusy && BUSY}
              title="Remove this run, its weights and its exports; Undo brings it back"
              onClick={() => void takeRunAway(studio, row.id)}
            >
              ×
            </ActionButton>
          </>
        )}
      </td>
    </tr>
  );
}

function Measured({ figure, axis }: { figure: Figure | null; axis: YAxis }) {
  if (!figure) return '–';
  return (
    <>
      {formatY(axis, figure.value)}
      {figure.error !== null && <span className="muted"> ± {formatError(axis, figure.error)}</span>}
    </>
  );
}

/** Enter and leaving the field take the name, Escape leaves it as it was. */
function NameField({ name, onDone }: { name: string; onDone: (name: string | null) => void }) {
  // A field that goes away loses the focus too, and must not answer twice.
  const isDone = useRef(false);
  function end(next: string | null) {
    if (isDone.current) return;
    isDone.current = true;
    onDone(next === name ? null : next);
  }
  return (
    <input
      type="text"
      className="run-name-field"
      aria-label="Name of the run"
      defaultValue={name}
      // biome-ignore lint/a11y/noAutofocus: it takes the place of the button that was just pressed
      autoFocus
      onFocus={(event) => event.target.select()}
      onBlur={(event) => end(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') end(event.currentTarget.value);
        if (event.key !== 'Escape') return;
        // Escape would cancel the job that runs.
        event.stopPropagation();
        end(null);
      }}
    />
  );
}
