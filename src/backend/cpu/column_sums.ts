/** @file CPU twin of `column_sums`: output[c] += Σ a[r, c] · b[r, c], the sum in f64. */
import { checkColumnSums } from '../shapes.ts';
import type { ColumnSumsArgs } from '../training_kernels.ts';
import { floats } from './tensor.ts';

export function column_sums(args: ColumnSumsArgs): void {
  const { rows, d } = checkColumnSums(args);
  const a = floats(args.a);
  const b = args.b && floats(args.b);
  const output = floats(args.output);
  const sums = new Float64Array(d);
  for (let row = 0; row < rows; row++) {
    const start = row * d;
    if (b) for (let j = 0; j < d; j++) sums[j] += a[start + j] * b[start + j];
    else for (let j = 0; j < d; j++) sums[j] += a[start + j];
  }
  for (let j = 0; j < d; j++) output[j] += sums[j];
}
