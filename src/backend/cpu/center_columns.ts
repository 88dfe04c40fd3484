/** @file CPU twin of `center_columns`: subtracts from each column its mean. */
import type { CenterColumnsArgs } from '../backend.ts';
import { checkCenterColumns } from '../shapes.ts';
import { floats } from './tensor.ts';

export function center_columns(args: CenterColumnsArgs): void {
  const { rows, n } = checkCenterColumns(args);
  const weight = floats(args.weight);
  const means = new Float64Array(n);
  for (let row = 0; row < rows; row++) for (let j = 0; j < n; j++) means[j] += weight[row * n + j];
  for (let row = 0; row < rows; row++) for (let j = 0; j < n; j++) weight[row * n + j] -= means[j] / rows;
}
