import { describe, expect, it } from 'vitest';
import { figureColumns } from '../store/quantities.ts';
import type { Column } from './DataTable.tsx';
import { chartCsv } from './SaveChart.tsx';

interface Row {
  label: string;
  kl: number | null;
}

const figures = ({ kl }: Row) => (kl === null ? {} : { kl: { value: kl, error: kl / 7 } });
const columns: Column<Row>[] = [
  { name: 'Model', value: ({ label }) => label, isText: true },
  { name: 'KL', value: () => '0.031', csv: figureColumns('kl', figures) },
];

describe('a chart’s figures as a file', () => {
  it('have all digits, their errors beside them, nothing where nothing was measured, and quotes where commas are', () => {
    const rows = [
      { label: 'rtn:bits=4,group=32', kl: 0.031_234_567_8 },
      { label: 'dense', kl: null },
    ];
    expect(chartCsv(columns, rows).split('\r\n')).toEqual([
      'Model,kl_divergence,kl_error',
      `"rtn:bits=4,group=32",0.0312345678,${0.031_234_567_8 / 7}`,
      'dense,,',
      '',
    ]);
  });
});
