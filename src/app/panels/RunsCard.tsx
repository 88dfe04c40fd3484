import { useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { downloadBlob } from '../../platform/download.ts';
import { goToRun } from '../actions/repeat.ts';
import { putRunBack, showRun } from '../actions/runs.ts';
import { saveReport } from '../actions/save_report.ts';
import { PopoverButton } from '../components/PopoverButton.tsx';
import { fileStem } from '../format.ts';
import { labelOf } from '../store/front.ts';
import { meaningOf, QUANTITY_NAMES, type Quantity } from '../store/quantities.ts';
import type { Run } from '../store/results.ts';
import { type RunRow, runRows, type SortKey, sortRows, toCsv } from '../store/runs_table.ts';
import { shownRun } from '../store/selectors.ts';
import { changeFront } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { FailureNote } from './FailureNote.tsx';
import { RunsCompare } from './RunsCompare.tsx';
import { RunTableRow } from './RunTableRow.tsx';

/** Every run as a row, whatever made it. */
export default function RunsCard() {
  const studio = useStudio();
  const id = useId();
  const results = useStudioState((state) => state.results);
  const exports = useStudioState((state) => state.settings.export);
  const shown = useStudioState((state) => state.selected ?? shownRun(state.results, state.settings)?.id ?? null);
  const columns = useStudioState((state) => state.front.columns);
  const [sort, setSort] = useState<{ key: SortKey; isDescending: boolean } | null>(null);
  const [compared, setCompared] = useState<readonly string[]>([]);
  const rows = useMemo(() => runRows(results, { export: exports }), [results, exports]);
  const sorted = useMemo(() => sortRows(rows, sort?.key ?? null, sort?.isDescending ?? false), [rows, sort]);
  const { model } = results;
  const removed = results.removed.at(-1);
  if (!model || (rows.length < 2 && !removed)) return null;
  const pair = compared.map((each) => rows.find((row) => row.id === each)).filter((row): row is RunRow => !!row);

  const heads = [
    { key: 'label' as const, name: 'Recipe', title: 'What made it, or the name that you gave it' },
    ...columns.map((key) => ({ key, name: headOf(key), title: meaningOf(key).help })),
  ];

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
          {removed && <Removed key={removed.id} run={removed} />}
        </p>
        <div className="chart-controls">
          <ColumnChooser columns={columns} />
          <PopoverButton label="Save" title="The table, the log, the whole session">
            <div className="menu">
              <button type="button" onClick={() => void saveCsv(`${fileStem(model.name, 'runs')}.csv`, sorted)}>
                Table (CSV)
              </button>
              <button
                type="button"
                title="Every value that was measured, with its time, as JSON Lines"
                onClick={() => void saveMetrics(`${fileStem(model.name, 'metrics')}.jsonl`, studio.metrics.text())}
              >
                Log (JSON Lines)
              </button>
              <button
                type="button"
                title="Settings, recipes, spectra and figures, without weights and texts; drop it to open it again"
                onClick={() => void import('../project/open_project.ts').then(({ saveProject }) => saveProject(studio))}
              >
                Project
              </button>
              <button
                type="button"
                title="The session as one HTML file: table, charts, settings, protocol"
                onClick={() => void saveReport(studio)}
              >
                Report (HTML)
              </button>
            </div>
          </PopoverButton>
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
              {heads.map(({ key, name, title }) => (
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
                columns={columns}
                isShown={row.id === shown}
                isCompared={compared.includes(row.id)}
                onCompare={() => compare(row.id)}
                onShow={() => showRun(studio, row.id)}
              />
            ))}
          </tbody>
        </table>
      </section>
      <FailureNote place="runs" />
      {pair.length === 2 && <RunsCompare a={pair[0]} b={pair[1]} onClose={() => setCompared([])} />}
    </section>
  );
}

/** It takes the focus that the row had which went, and gives it back to the row that comes. */
function Removed({ run }: { run: Run }) {
  const studio = useStudio();
  const undo = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const button = undo.current;
    if (document.activeElement === document.body) button?.focus();
    return () => {
      // By this button or by Ctrl+Z: the row is drawn a moment later.
      if (document.activeElement === button) requestAnimationFrame(() => goToRun(run.id));
    };
  }, [run.id]);
  return (
    <>
      <span className="muted">{labelOf(run)} removed</span>
      <button ref={undo} type="button" onClick={() => putRunBack(studio, run.id)}>
        Undo
      </button>
    </>
  );
}

function headOf(quantity: Quantity): string {
  const { short } = meaningOf(quantity);
  return short.charAt(0).toUpperCase() + short.slice(1);
}

function saveCsv(name: string, rows: readonly RunRow[]): Promise<void> {
  return downloadBlob(new Blob([toCsv(rows)], { type: 'text/csv' }), name);
}

function saveMetrics(name: string, text: string): Promise<void> {
  return downloadBlob(new Blob([text], { type: 'application/jsonl' }), name);
}

/** Which quantities are columns; all of them stand in the CSV. */
function ColumnChooser({ columns }: { columns: readonly Quantity[] }) {
  const studio = useStudio();
  const toggle = (name: Quantity) =>
    changeFront(studio.store, {
      columns: QUANTITY_NAMES.filter((each) => columns.includes(each) !== (each === name)),
    });
  return (
    <PopoverButton label="Columns" className="columns-chooser">
      <fieldset>
        <legend>Columns of the table</legend>
        {QUANTITY_NAMES.map((name) => (
          <label key={name} title={meaningOf(name).help}>
            <input type="checkbox" checked={columns.includes(name)} onChange={() => toggle(name)} />
            {meaningOf(name).label}
          </label>
        ))}
      </fieldset>
    </PopoverButton>
  );
}
