import { memo, useEffect, useState } from 'react';
import { type Column, DataTable } from './DataTable.tsx';

interface Props<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
}

/** A chart's table for screen readers. While a slider moves it stands still: hundreds of rows a frame, and nobody can read them. */
const CALM_MS = 250;

export function HiddenTable<Row>({ caption, columns, rows }: Props<Row>) {
  const [shown, setShown] = useState({ columns, rows });
  useEffect(() => {
    if (shown.columns === columns && shown.rows === rows) return;
    const timer = setTimeout(() => setShown({ columns, rows }), CALM_MS);
    return () => clearTimeout(timer);
  }, [columns, rows, shown]);
  return <Rows caption={caption} columns={shown.columns as readonly Column<unknown>[]} rows={shown.rows} />;
}

const Rows = memo(function Rows(props: Props<unknown>) {
  return <DataTable {...props} isHidden />;
});
