import { useRef, useState } from 'react';
import { nameRun, pinRun, takeRunAway } from '../actions/runs.ts';
import { formatError, formatQuantity } from '../charts/scales.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { protocolText } from '../components/Protocol.tsx';
import { BUSY } from '../store/job.ts';
import { type Figure, meaningOf, type Quantity } from '../store/quantities.ts';
import { isRepeated } from '../store/repeat.ts';
import type { RunRow } from '../store/runs_table.ts';
import { useStudio, useStudioState } from '../studio.ts';

interface Props {
  row: RunRow;
  columns: readonly Quantity[];
  isShown: boolean;
  isCompared: boolean;
  onCompare: () => void;
  onShow: () => void;
}

export function RunTableRow({ row, columns, isShown, isCompared, onCompare, onShow }: Props) {
  const studio = useStudio();
  const isBusy = useStudioState((state) => state.job.state === 'running');
  const isFound = useStudioState((state) => isRepeated(state, row.id));
  const [isNaming, setNaming] = useState(false);
  const isDense = row.id === 'dense';
  const { measured } = row;
  return (
    <tr data-run={row.id} data-found={isFound || undefined} aria-current={isShown ? 'true' : undefined}>
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
      {columns.map((name) => (
        <td key={name} title={measured ? protocolText(measured.protocol) : 'Not measured'}>
          <Measured figure={row.figures[name]} quantity={name} />
        </td>
      ))}
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
              onClick={() => takeRunAway(studio, row.id)}
            >
              ×
            </ActionButton>
          </>
        )}
      </td>
    </tr>
  );
}

function Measured({ figure, quantity }: { figure: Figure | undefined; quantity: Quantity }) {
  if (!figure) return '–';
  const isRate = meaningOf(quantity).unit === 'rate';
  return (
    <>
      {/* The column's head says the unit. */}
      {isRate ? rateText(figure.value) : formatQuantity(quantity, figure.value)}
      {figure.error !== null && <span className="muted"> ± {formatError(quantity, figure.error)}</span>}
    </>
  );
}

function rateText(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US');
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
