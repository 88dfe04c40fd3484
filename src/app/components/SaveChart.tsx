import { type ReactNode, useRef } from 'react';
import { downloadBlob } from '../../platform/download.ts';
import { csvText } from '../csv.ts';
import { fileStem } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { ActionButton } from './ActionButton.tsx';
import type { Column } from './DataTable.tsx';
import { PopoverButton } from './PopoverButton.tsx';

interface Props<Row> {
  title: string;
  columns: readonly Column<Row>[];
  rows: () => readonly Row[];
  /** Whether the chart is there to be taken, and not its table. */
  isDrawn: boolean;
  /** Buttons for other files of it. */
  children?: ReactNode;
}

/** The drawing as PNG or SVG, its figures as CSV. */
export function SaveChart<Row>({ title, columns, rows, isDrawn, children }: Props<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const stem = useStudioState(({ results }) => fileStem(results.model?.name ?? '', title));
  async function savePicture(type: 'png' | 'svg') {
    const card = box.current?.closest<HTMLElement>('.chart-card');
    const { chartSvg, pngBlob, svgBlob } = await import('../charts/picture.ts');
    const picture = card && chartSvg(card);
    if (picture) await downloadBlob(type === 'svg' ? svgBlob(picture) : await pngBlob(picture), `${stem}.${type}`);
  }
  const saveCsv = () => downloadBlob(new Blob([chartCsv(columns, rows())], { type: 'text/csv' }), `${stem}.csv`);
  const hindrance = !isDrawn && 'Show the chart in place of its table first';
  return (
    <PopoverButton label="Save" title="This chart as a file">
      <div ref={box} className="menu">
        <ActionButton hindrance={hindrance} title="For slides and posts" onClick={() => void savePicture('png')}>
          Picture (PNG)
        </ActionButton>
        <ActionButton hindrance={hindrance} title="For papers" onClick={() => void savePicture('svg')}>
          Drawing (SVG)
        </ActionButton>
        <button type="button" title="All digits, units in the head" onClick={() => void saveCsv()}>
          Figures (CSV)
        </button>
        {children}
      </div>
    </PopoverButton>
  );
}

export function chartCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const told = columns.flatMap(({ name, value, csv }) => csv ?? [{ name, value: (row: Row) => wordsOf(value(row)) }]);
  return csvText([told.map(({ name }) => name), ...rows.map((row) => told.map(({ value }) => value(row)))]);
}

function wordsOf(value: unknown): string | number {
  return typeof value === 'number' ? value : String(value ?? '');
}
