import { useId, useMemo, useState } from 'react';
import { downloadBlob } from '../../platform/download.ts';
import { putRunBack, showRun } from '../actions/runs.ts';
import { fileStem } from '../format.ts';
import { labelOf } from '../store/front.ts';
import { type RunRow, runRows, type SortKey, sortRows, toCsv } from '../store/runs_table.ts';
import { shownRun } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { RunsCompare } from './RunsCompare.tsx';
import { RunTableRow } from './RunTableRow.tsx';

/** Every run as a row, whatever made it. */
export default function RunsCard() {
  const studio = useStudio();
  const id = useId();
  const results = useStudioState((state) => state.results);
  const exports = useStudioState((state) => state.settings.export);
  const shown = useStudioState((state) => state.selected ?? shownRun(state.results, state.settings)?.id ?? null);
  const [sort, setSort] = useState<{ key: SortKey; isDescending: boolean } | null>(null);
  const [compared, setCompared] = useState<readonly string[]>([]);
  const rows = useMemo(() => runRows(results, { export: exports }), [results, exports]);
  const sorted = useMemo(() => sortRows(rows, sort?.key ?? null, sort?.isDescending ?? false), [rows, sort]);
  const { model, removed } = results;
  if (!model || (rows.length < 2 && !removed)) return null;
  const pair = compared.map((each) => rows.find((row) => row.id === each)).filter((row): row is RunRow => !!row);

  function sortBy(key: SortKey) {
    setSort((old) =>
      old?.key !== key ? { key, isDescending: false } : old.isDescending ? null : { key, isDescending: true },
    );
  }
  /** The last two that were ticked. */
  const compare = (run: string) =>
    setCompared((old) => (old.includes(run) ? old.filter((each) => each !== run) : [...old, run].slice(-2)));

  return (
    <section className="chart-card runs-card" aria-labelledby={id}>
      <header>
        <h2 id={id}>Runs</h2>
        <p className="runs-undo" role="status">
          {removed && (
            <>
              <span className="muted">{labelOf(removed)} removed</span>
              <button type="button" onClick={() => putRunBack(studio)}>
                Undo
              </button>
            </>
          )}
        </p>
        <div className="chart-controls">
          <button
            type="button"
            className="quiet"
            onClick={() => void saveCsv(`${fileStem(model.name, 'runs')}.csv`, sorted)}
          >
            Save as CSV
          </button>
        </div>
      </header>
      {/* A box that scrolls has to be reachable without a mouse. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: as above */}
      <section className="runs-scroll" tabIndex={0} aria-label="Table of runs">
        <table className="runs-table">
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">Compare</span>
              </th>
              {HEADS.map(({ key, name, title }) => (
                <th
                  key={key}
                  scope="col"
                  className={key === 'label' ? undefined : 'number'}
                  aria-sort={sort?.key !== key ? 'none' : sort.isDescending ? 'descending' : 'ascending'}
                >
                  <button type="button" className="sort" title={title} onClick={() => sortBy(key)}>
                    {name}
                    <span aria-hidden="true">{sort?.key === key ? (sort.isDescending ? ' ↓' : ' ↑') : ''}</span>
                  </button>
                </th>
              ))}
              <th scope="col">
                <span className="visually-hidden">Pin, rename, remove</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((row) => (
              <RunTableRow
                key={row.id}
                row={row}
                isShown={row.id === shown}
                isCompared={compared.includes(row.id)}
                onCompare={() => compare(row.id)}
                onShow={() => showRun(studio, row.id)}
              />
            ))}
          </tbody>
        </table>
      </section>
      {pair.length === 2 && <RunsCompare a={pair[0]} b={pair[1]} onClose={() => setCompared([])} />}
    </section>
  );
}

function saveCsv(name: string, rows: readonly RunRow[]): Promise<void> {
  return downloadBlob(new Blob([toCsv(rows)], { type: 'text/csv' }), name);
}

const HEADS: readonly { key: SortKey; name: string; title: string }[] = [
  { key: 'label', name: 'Recipe', title: 'What made it, or the name that you gave it' },
  { key: 'perplexity', name: 'Perplexity', title: 'With its standard error over windows' },
  { key: 'kl', name: 'KL', title: 'Kullback–Leibler divergence from the dense model, nats a token' },
  { key: 'top1', name: 'Top-1', title: 'How often its most likely token is the dense model’s' },
  { key: 'bytes', name: 'Size', title: 'Of the weights; of slices in the precision chosen for the export' },
  { key: 'bits', name: 'Bits/w', title: 'Bits for each parameter of the dense model' },
  { key: 'prefill', name: 'Tokens/s', title: 'Whole windows at once, while perplexity was measured' },
  { key: 'decode', name: 'One by one', title: 'Tokens per second, one after another' },
];
