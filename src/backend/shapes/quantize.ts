/** @file Checks of the kernels that quantise what linears read. */
import type { OutlierColumnsArgs, QuantizeColumnsArgs, QuantizeRowsArgs } from '../backend.ts';
import {
  fail,
  matrix,
  requireDistinct,
  requireInteger,
  requireMatrix,
  requirePositive,
  requireVector,
} from './check.ts';

export function checkQuantizeRows(args: QuantizeRowsArgs): { rows: number; d: number; seqlen: number } {
  const [rows, d] = matrix('quantize_rows', 'hidden_states', args.hidden_states);
  const { seqlen = rows } = args;
  requirePositive('quantize_rows', 'levels', args.levels);
  requireMatrix('quantize_rows', 'output', args.output, rows, d);
  if (args.kept) requireMatrix('quantize_rows', 'kept', args.kept, windowsOf('quantize_rows', rows, seqlen), d);
  requireDistinct('quantize_rows', args.output, args.hidden_states, args.kept);
  return { rows, d, seqlen };
}

export function checkQuantizeColumns(args: QuantizeColumnsArgs): { rows: number; d: number } {
  const [rows, d] = matrix('quantize_columns', 'hidden_states', args.hidden_states);
  requirePositive('quantize_columns', 'levels', args.levels);
  requireVector('quantize_columns', 'scale', args.scale, d);
  requireVector('quantize_columns', 'zero', args.zero, d);
  requireMatrix('quantize_columns', 'output', args.output, rows, d);
  requireDistinct('quantize_columns', args.output, args.hidden_states, args.scale, args.zero);
  return { rows, d };
}

export function checkOutlierColumns(args: OutlierColumnsArgs): { windows: number; d: number } {
  const [rows, d] = matrix('outlier_columns', 'hidden_states', args.hidden_states);
  requirePositive('outlier_columns', 'threshold', args.threshold);
  const windows = windowsOf('outlier_columns', rows, args.seqlen);
  requireMatrix('outlier_columns', 'output', args.output, windows, d);
  requireDistinct('outlier_columns', args.output, args.hidden_states);
  return { windows, d };
}

function windowsOf(kernel: string, rows: number, seqlen: number): number {
  requireInteger(kernel, 'seqlen', seqlen, 1);
  if (rows % seqlen !== 0) fail(kernel, `seqlen is ${seqlen}`, `a divisor of the ${rows} rows`);
  return rows / seqlen;
}
