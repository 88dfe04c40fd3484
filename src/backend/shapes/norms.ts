/** @file Checks of the kernels that norm or centre a matrix. */
import type { CenterColumnsArgs, CenterRowsArgs, LayerNormArgs, RmsNormArgs, RmsScaleArgs } from '../backend.ts';
import { fail, matrix, requireDistinct, requireInteger, requireMatrix, requireVector } from './check.ts';

/** `rows` stretches of `d` elements: rows of the matrix, or parts of them where `width` is given. */
export function checkRmsNorm(args: RmsNormArgs): { rows: number; d: number } {
  const [rows, columns] = matrix('rms_norm', 'hidden_states', args.hidden_states);
  const d = args.width ?? columns;
  requireInteger('rms_norm', 'width', d, 1);
  if (columns % d !== 0) fail('rms_norm', `width is ${d}`, `a divisor of the row length ${columns}`);
  if (args.weight) requireVector('rms_norm', 'weight', args.weight, d);
  if (args.bias) requireVector('rms_norm', 'bias', args.bias, d);
  requireMatrix('rms_norm', 'output', args.output, rows, columns);
  requireInteger('rms_norm', 'normalized_size', args.normalized_size, 1);
  requireDistinct('rms_norm', args.output, args.hidden_states, args.weight, args.bias);
  return { rows: rows * (columns / d), d };
}

export function checkRmsScale(args: RmsScaleArgs): { rows: number; d: number } {
  const [rows, d] = matrix('rms_scale', 'hidden_states', args.hidden_states);
  requireMatrix('rms_scale', 'output', args.output, rows, 1);
  requireInteger('rms_scale', 'normalized_size', args.normalized_size, 1);
  requireDistinct('rms_scale', args.output, args.hidden_states);
  return { rows, d };
}

/** As {@link checkRmsNorm}. */
export function checkLayerNorm(args: LayerNormArgs): { rows: number; d: number } {
  const [rows, columns] = matrix('layer_norm', 'hidden_states', args.hidden_states);
  const d = args.width ?? columns;
  requireInteger('layer_norm', 'width', d, 1);
  if (columns % d !== 0) fail('layer_norm', `width is ${d}`, `a divisor of the row length ${columns}`);
  if (args.weight) requireVector('layer_norm', 'weight', args.weight, d);
  if (args.bias) requireVector('layer_norm', 'bias', args.bias, d);
  requireMatrix('layer_norm', 'output', args.output, rows, columns);
  requireDistinct('layer_norm', args.output, args.hidden_states, args.weight, args.bias);
  return { rows: rows * (columns / d), d };
}

export function checkCenterRows(args: CenterRowsArgs): { rows: number; d: number } {
  const [rows, d] = matrix('center_rows', 'hidden_states', args.hidden_states);
  return { rows, d };
}

export function checkCenterColumns(args: CenterColumnsArgs): { rows: number; n: number } {
  const [rows, n] = matrix('center_columns', 'weight', args.weight);
  return { rows, n };
}
