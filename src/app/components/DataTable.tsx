import type { ReactNode } from 'react';
import type { CsvValue } from '../csv.ts';

export interface Column<Row> {
  name: string;
  value: (row: Row) => ReactNode;
  isText?: boolean;
  /** A second line of the cell, smaller: for tables that have no room for its own column. */
  below?: { name: string; value: (row: Row) => ReactNode };
  /** In a file: one or several columns, named with their units, with all digits. As in the table where it is absent. */
  csv?: readonly { name: string; value: (row: Row) => CsvValue }[];
}

interface Props<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** For screen readers only, while the same is drawn as a chart. */
  isHidden?: boolean;
}

export function DataTable<Row>({ caption, columns, rows, isHidden = false }: Props<Row>) {
  return (
    <div
      className={isHidden ? 'visually-hidden hidden-table' : 'data-table'}
      // A box that scrolls has to be reachable without a mouse.
      {...(isHidden ? {} : { tabIndex: 0, role: 'group', 'aria-label': caption })}
    >
      <table>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name, isText, below }) => (
              <th key={name} scope="col" className={isText ? undefined : 'number'}>
                {name}
                {below && <span className="cell-below">{below.name}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a chart have no other identity, and never reorder
            <tr key={index}>
              {columns.map(({ name, value, isText, below }) => (
                <td key={name} className={isText ? undefined : 'number'}>
                  {value(row)}
                  {below && <span className="cell-below">{below.value(row)}</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
