/**
 * @file f64 eigendecomposition of a symmetric matrix: Householder to tridiagonal form, divide and conquer, back-transform,
 * then order and signs. About 5·n³ operations, most of them in matrix products; yields to the event loop every 50 ms.
 */
import { WhittleError } from '../../errors/errors.ts';
import { breather, throwIfCancelled } from '../event_loop.ts';
import { backTransform } from './back_transform.ts';
import { divideAndConquer } from './divide_and_conquer.ts';
import { type AddProduct, addProduct } from './gemm.ts';
import { tridiagonalise } from './tridiagonal.ts';

export interface SymmetricEigen {
  /** Descending. */
  eigenvalues: Float64Array;
  /** (n, n) row-major; column j belongs to eigenvalue j, and its largest component is positive. */
  eigenvectors: Float64Array;
}

/** Lower triangle from the upper one, times a power of two that brings the largest entry to 1 … 2 (exactly). */
function scaledLower(values: ArrayLike<number>, n: number): { lower: Float64Array; scale: number } {
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const value = values[i * n + j];
      if (!Number.isFinite(value)) throw nonFinite(i, j, value);
      largest = Math.max(largest, Math.abs(value));
    }
  }
  // Clamped so that the scale and its inverse are both normal numbers.
  const exponent = largest === 0 ? 0 : Math.min(1000, Math.max(-1000, Math.floor(Math.log2(largest))));
  const scale = 2 ** exponent;
  const inverse = 2 ** -exponent;
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) lower[j * n + i] = values[i * n + j] * inverse;
  }
  return { lower, scale };
}

function nonFinite(row: number, column: number, value: number): WhittleError {
  return new WhittleError({
    code: 'non_finite_activations',
    message: `The covariance of the calibration activations is ${value} at row ${row}, column ${column}.`,
    allowed: 'finite numbers',
    action: 'Check the model for NaN or infinite weights, or calibrate with other text.',
  });
}

/** Side of the squares that are turned at a time: lines of both matrices stay in the cache. */
const SQUARE = 16;

/** Rows → columns in the order of descending values, each with the sign that makes its largest component positive. */
function orderColumns(z: Float64Array, values: Float64Array, n: number): Float64Array {
  const order = Array.from(values.keys()).sort((i, j) => values[j] - values[i]);
  const signs = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    const from = order[j] * n;
    let largest = 0;
    for (let row = 0; row < n; row++) if (Math.abs(z[from + row]) > Math.abs(largest)) largest = z[from + row];
    signs[j] = largest < 0 ? -1 : 1;
  }
  const ordered = new Float64Array(n * n);
  for (let row0 = 0; row0 < n; row0 += SQUARE) {
    const end = Math.min(n, row0 + SQUARE);
    for (let j = 0; j < n; j++) {
      const from = order[j] * n;
      for (let row = row0; row < end; row++) ordered[row * n + j] = signs[j] * z[from + row];
    }
  }
  values.sort().reverse();
  return ordered;
}

/**
 * @param values (n, n) row-major; only the upper triangle is read.
 * @param multiply Computes the larger products.
 * @throws `non_finite_activations`, `not_converged`, `cancelled`
 */
export async function symmetricEigen(
  values: ArrayLike<number>,
  n: number,
  signal?: AbortSignal,
  multiply: AddProduct = addProduct,
): Promise<SymmetricEigen> {
  throwIfCancelled(signal);
  const { lower, scale } = scaledLower(values, n);
  const breathe = breather(signal);
  const tau = new Float64Array(n);
  const tridiagonal = await tridiagonalise(lower, n, tau, breathe);
  const { values: eigenvalues, vectors } = await divideAndConquer(tridiagonal, breathe, multiply);
  // Every block of reflectors reads and writes all vectors.
  const z = multiply.allocate?.(n * n) ?? vectors;
  let eigenvectors: Float64Array;
  try {
    if (z !== vectors) z.set(vectors);
    await backTransform(lower, tau, z, n, breathe, multiply);
    eigenvectors = orderColumns(z, eigenvalues, n);
  } finally {
    if (z !== vectors) multiply.release?.(z);
  }
  for (let i = 0; i < n; i++) eigenvalues[i] *= scale;
  return { eigenvalues, eigenvectors };
}
