/** @file Checks of matrix products and of the eigendecomposition. */
import type { CovarianceArgs, EighArgs, MatmulArgs, MatmulBtArgs } from '../backend.ts';
import { fail, matrix, requireAtLeast, requireDistinct, requireInteger, requireMatrix } from './check.ts';

export interface MatmulSizes {
  m: number;
  n: number;
  k: number;
  a_stride: number;
  b_stride: number;
}

/** a (m, k) · b (k, ≥n) → output (m, n). */
export function checkMatmul(args: MatmulArgs): MatmulSizes {
  const [m, k] = matrix('matmul', 'a', args.a);
  const [b_rows, b_stride] = matrix('matmul', 'b', args.b);
  const [output_rows, n] = matrix('matmul', 'output', args.output);
  if (b_rows !== k) fail('matmul', `b has ${b_rows} rows`, `${k} rows, as a has columns`, args.b);
  requireAtLeast('matmul', 'columns of b', b_stride, n, args.b);
  if (output_rows !== m) fail('matmul', `output has ${output_rows} rows`, `${m} rows, as a has`, args.output);
  requireDistinct('matmul', args.output, args.a, args.b);
  return { m, n, k, a_stride: k, b_stride };
}

/** a (m, k) · b (≥n, ≥k)ᵀ → output (m, n), with factors (m, 1) and (m, n). */
export function checkMatmulBt(args: MatmulBtArgs): MatmulSizes {
  const [m, k] = matrix('matmul_bt', 'a', args.a);
  const isPacked = args.b.type === 'packed';
  const [b_rows, b_stride] = isPacked ? args.b.shape : matrix('matmul_bt', 'b', args.b);
  const [output_rows, n] = matrix('matmul_bt', 'output', args.output);
  if (isPacked && b_stride !== k) fail('matmul_bt', `b has ${b_stride} columns`, `${k}, as a has`, args.b);
  requireAtLeast('matmul_bt', 'columns of b', b_stride, k, args.b);
  requireAtLeast('matmul_bt', 'rows of b', b_rows, n, args.b);
  if (output_rows !== m) fail('matmul_bt', `output has ${output_rows} rows`, `${m} rows, as a has`, args.output);
  if (args.row_scale) requireMatrix('matmul_bt', 'row_scale', args.row_scale, m, 1);
  if (args.gate) requireMatrix('matmul_bt', 'gate', args.gate.states, m, n);
  requireDistinct('matmul_bt', args.output, args.a, args.b, args.row_scale, args.gate?.states);
  return { m, n, k, a_stride: k, b_stride };
}

/** a (k, ≥m)ᵀ · b (k, ≥n) → output (m, n). */
export function checkMatmulAt(args: MatmulArgs): MatmulSizes {
  const [k, a_stride] = matrix('matmul_at', 'a', args.a);
  const [b_rows, b_stride] = matrix('matmul_at', 'b', args.b);
  const [m, n] = matrix('matmul_at', 'output', args.output);
  if (b_rows !== k) fail('matmul_at', `b has ${b_rows} rows`, `${k} rows, as a has`, args.b);
  requireAtLeast('matmul_at', 'columns of a', a_stride, m, args.a);
  requireAtLeast('matmul_at', 'columns of b', b_stride, n, args.b);
  requireDistinct('matmul_at', args.output, args.a, args.b);
  return { m, n, k, a_stride, b_stride };
}

export function checkCovariance(args: CovarianceArgs): { rows: number; n: number } {
  const [rows, n] = matrix('covariance', 'hidden_states', args.hidden_states);
  requireMatrix('covariance', 'covariance', args.covariance, n, n);
  requireDistinct('covariance', args.covariance, args.hidden_states);
  if (args.low) {
    requireMatrix('covariance', 'low', args.low, n, n);
    requireDistinct('covariance', args.low, args.covariance, args.hidden_states);
  }
  return { rows, n };
}

export function checkEigh(args: EighArgs): { n: number; wanted: number } {
  const [n] = matrix('eigh', 'covariance', args.covariance);
  requireMatrix('eigh', 'covariance', args.covariance, n, n);
  const { wanted = n } = args;
  requireInteger('eigh', 'wanted', wanted, 1);
  if (wanted > n) fail('eigh', `wanted is ${wanted}`, `at most ${n}`, args.covariance);
  return { n, wanted };
}
