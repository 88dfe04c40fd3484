/** @file CPU twin of `covariance`: adds XᵀX to the upper triangle. */
import type { CovarianceArgs } from '../backend.ts';
import { addProduct, transposed, view } from '../linalg/gemm.ts';
import { checkCovariance } from '../shapes.ts';
import { doubles } from './tensor.ts';

export function covariance(args: CovarianceArgs): void {
  const { rows, n } = checkCovariance(args);
  const hidden_states = view(doubles(args.hidden_states), n);
  addProduct(n, n, rows, transposed(hidden_states), hidden_states, view(doubles(args.covariance), n), true);
}
