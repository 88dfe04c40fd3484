/** @file CPU twin of `column_sums`: output[c] += Σ a[r, c] · b[r, c], the sum in f64. */
import { checkColumnSums } from '../shapes.ts';
import type { ColumnSumsArgs } from '../training_kernels.ts';
import { type Floats, floats } from './tensor.ts';

export interface ColumnSumsColumns {
  a: Floats;
  b?: Floats;
  output: Floats;
  rows: number;
  d: number;
}

export function column_sums(args: ColumnSumsArgs): void {
  const task = columnSumsColumns(args);
  columnSumsRange(task, 0, task.d);
}

/** The kernel as work on columns. */
export function columnSumsColumns(args: ColumnSumsArgs): ColumnSumsColumns {
  const { rows, d } = checkColumnSums(args);
  return { rows, d, a: floats(args.a), b: args.b && floats(args.b), output: floats(args.output) };
}

export function columnSumsRange({ a, b, output, rows, d }: ColumnSumsColumns, first: number, end: number): void {
  const sums = new Float64Array(end - first);
  for (let row = 0; row < rows; row++) {
    const start = row * d + first;
    if (b) for (let j = 0; j < sums.length; j++) sums[j] += a[start + j] * b[start + j];
    else for (let j = 0; j < sums.length; j++) sums[j] += a[start + j];
  }
  for (let j = 0; j < sums.length; j++) output[first + j] += sums[j];
}
