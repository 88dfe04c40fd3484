import { type ReactNode, Suspense, useId, useState } from 'react';
import { type Column, DataTable } from './DataTable.tsx';
import { HiddenTable } from './HiddenTable.tsx';
import { SaveChart } from './SaveChart.tsx';
import { useSeenBox } from './Seen.tsx';

interface Props<Row> {
  title: string;
  /** One line: what is drawn now, with its figures. */
  summary?: ReactNode;
  /** Under the summary: the protocol, or what is left out. */
  note?: string;
  controls?: ReactNode;
  /** A row under the note: what changes what is drawn. */
  tools?: ReactNode;
  legend?: ReactNode;
  /** Shown instead of the chart while there is nothing to draw: what will be here, and how to get it. */
  empty: ReactNode;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** For a file, where the chart draws fewer rows than there are. */
  allRows?: () => readonly Row[];
  className?: string;
  /** Over the drawing: what can be reached by keyboard, which the drawing cannot. */
  overlay?: ReactNode;
  children: ReactNode;
}

/** A chart with its table: drawn for eyes, always a table for screen readers, and for everyone at the press of a button. */
export function ChartCard<Row>(props: Props<Row>) {
  const { title, summary, note, controls, tools, legend, empty, columns, rows, allRows, className, overlay, children } =
    props;
  const [isTable, setTable] = useState(false);
  const id = useId();
  const box = useSeenBox();
  const hasRows = rows.length > 0;
  return (
    <section ref={box} className={className ? `chart-card ${className}` : 'chart-card'} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <div className="chart-controls">
          {controls}
          {hasRows && (
            <button type="button" className="quiet" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
              Table
            </button>
          )}
          {hasRows && <SaveChart title={title} columns={columns} rows={allRows ?? (() => rows)} isDrawn={!isTable} />}
        </div>
      </header>
      <div className="chart-line">
        <div className="chart-summary">{summary}</div>
        {hasRows && legend}
      </div>
      {note && (
        <p className="protocol chart-note" title={note}>
          {note}
        </p>
      )}
      {hasRows && tools && <div className="chart-tools">{tools}</div>}
      <div className="chart-body">
        {!hasRows && <div className="empty">{empty}</div>}
        {hasRows && !isTable && (
          <div className="chart-canvas" aria-hidden="true">
            <Suspense fallback={null}>{children}</Suspense>
          </div>
        )}
        {hasRows && !isTable && overlay}
        {hasRows && isTable && <DataTable caption={title} columns={columns} rows={rows} />}
        {hasRows && !isTable && <HiddenTable caption={title} columns={columns} rows={rows} />}
      </div>
    </section>
  );
}
