/**
 * @file f64 eigendecomposition of a symmetric matrix: Householder to tridiagonal form, divide and conquer, back-transform,
 * then order and signs. About 5·n³ operations, most of them in matrix products, fewer where
 * fewer eigenvectors are wanted; yields to the event loop every 50 ms.
 */
import { WhittleError } from '../../errors/errors.ts';
import { breather, throwIfCancelled } from '../event_loop.ts';
import { backTransform } from './back_transform.ts';
import { divideAndConquer } from './divide_and_conquer.ts';
import { type AddProduct, addProduct } from './gemm.ts';
import { paysSharing, rangesOf, room, runShared } from './shared_work.ts';
import { inBreaths, type Steps } from './steps.ts';
import { tridiagonalise } from './tridiagonal.ts';
import { diagonaliseTridiagonal } from './tridiagonal_ql.ts';
import { largestInUpper, SQUARE, TURN_SCRATCH, turnUpper } from './turn.ts';
import { VECTOR_SCRATCH, writeVectors } from './write_vectors.ts';

export interface SymmetricEigen<Columns = Float64Array> {
  /** All n, descending. */
  eigenvalues: Float64Array;
  /** (n, as many as wanted) row-major; column j belongs to eigenvalue j, and its largest component is positive. */
  eigenvectors: Columns;
}

/**
 * Lower triangle from the upper one, times a power of two that brings the largest entry to 1 … 2 (exactly). Returns what the
 * eigenvalues are to be multiplied by.
 */
function scaleLower(
  values: ArrayLike<number>,
  n: number,
  lower: Float64Array,
  multiply: AddProduct,
  scratch: Float64Array,
): number {
  let largest = largestInUpper(values, n, multiply, scratch) ?? Number.NaN;
  if (Number.isNaN(largest)) largest = finiteLargest(values, n);
  // Clamped so that the scale and its inverse are both normal numbers.
  const exponent = largest === 0 ? 0 : Math.min(1000, Math.max(-1000, Math.floor(Math.log2(largest))));
  const scale = 2 ** exponent;
  const inverse = 2 ** -exponent;
  turnUpper(values, n, inverse, lower, multiply, scratch);
  return scale;
}

/** The largest magnitude in the upper triangle; a number that is not finite is told. */
function finiteLargest(values: ArrayLike<number>, n: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const value = values[i * n + j];
      if (!Number.isFinite(value)) throw nonFinite(i, j, value);
      largest = Math.max(largest, Math.abs(value));
    }
  }
  return largest;
}

function nonFinite(row: number, column: number, value: number): WhittleError {
  return new WhittleError({
    code: 'non_finite_activations',
    message: `The covariance of the calibration activations is ${value} at row ${row}, column ${column}.`,
    allowed: 'finite numbers',
    action: 'Check the model for NaN or infinite weights, or calibrate with other text.',
  });
}

/**
 * @param values (n, n) row-major; only the upper triangle is read.
 * @param multiply Computes the larger products.
 * @param wanted How many eigenvectors are wanted, of the largest eigenvalues: fewer take less time.
 * @throws `non_finite_activations`, `not_converged`, `cancelled`
 */
export async function symmetricEigen(
  values: ArrayLike<number>,
  n: number,
  signal?: AbortSignal,
  multiply: AddProduct = addProduct,
  wanted = n,
): Promise<SymmetricEigen> {
  return symmetricEigenInto((elements) => new Float64Array(elements), values, n, signal, multiply, wanted);
}

/**
 * The same with the eigenvectors written where they are to stay, so that there is one matrix of them less.
 * @param columns Gives room for so many numbers; asked when nothing can fail any more.
 */
export async function symmetricEigenInto<Columns extends Float32Array | Float64Array>(
  columns: (elements: number) => Columns,
  values: ArrayLike<number>,
  n: number,
  signal?: AbortSignal,
  multiply: AddProduct = addProduct,
  wanted = n,
): Promise<SymmetricEigen<Columns>> {
  throwIfCancelled(signal);
  return inBreaths(eigenSteps(columns, values, n, multiply, wanted), breather(signal));
}

/**
 * The same for whoever runs it.
 * @param place Of n² + 1 numbers, for the solver to work in; may be where `values` lie, which are used up then.
 */
export function* eigenSteps<Columns extends Float32Array | Float64Array>(
  columns: (elements: number) => Columns,
  values: ArrayLike<number>,
  n: number,
  multiply: AddProduct,
  wanted: number,
  place?: Float64Array,
): Steps<SymmetricEigen<Columns>> {
  const held = room(multiply);
  try {
    const lower = place ?? held.take(n * n + 1);
    const scale = scaleLower(values, n, lower, multiply, held.take(TURN_SCRATCH));
    const tau = new Float64Array(n);
    const tridiagonal = yield* tridiagonalise(lower, n, tau, multiply);
    const { values: ascending, vectors } = yield* divideAndConquer(tridiagonal, multiply, wanted, held);
    yield* backTransform(lower, tau, vectors, n, multiply);
    const eigenvalues = ascending.reverse();
    for (let i = 0; i < n; i++) eigenvalues[i] *= scale;
    const eigenvectors = columns(n * wanted);
    const scratch = held.take((wanted + (wanted % 2)) * VECTOR_SCRATCH);
    writeDescending(vectors, n, eigenvectors, { spare: lower, scratch }, multiply);
    return { eigenvalues, eigenvectors };
  } finally {
    held.release();
  }
}

/** Multiply-adds that take about as long as a number that is turned. */
const NUMBER_WORK = 4;

/** @param z (count, n). @param columns (n, count). @param room `spare`: where threads write what is copied to an array of the caller's. */
function writeDescending(
  z: Float64Array,
  n: number,
  columns: Float32Array | Float64Array,
  { spare, scratch }: { spare: Float64Array; scratch: Float64Array },
  multiply: AddProduct,
): void {
  const count = z.length / n;
  const isSingle = columns instanceof Float32Array;
  const isSpared =
    !isSingle && paysSharing(NUMBER_WORK * n * count) && multiply.share !== undefined && !multiply.kernelFor?.(columns);
  const doubles = isSpared ? spare.subarray(0, columns.length) : isSingle ? undefined : columns;
  const task = { z, count, n, doubles, singles: isSingle ? columns : undefined, scratch };
  runShared(multiply, 'write_vectors', writeVectors, task, rangesOf(count, SQUARE), NUMBER_WORK * n * count);
  if (isSpared && doubles) columns.set(doubles);
}

/**
 * The eigenvalues alone, descending: a fraction of the work.
 * @param values As of {@link symmetricEigen}.
 * @throws `non_finite_activations`, `not_converged`, `cancelled`
 */
export async function symmetricEigenvalues(
  values: ArrayLike<number>,
  n: number,
  signal?: AbortSignal,
  multiply: AddProduct = addProduct,
): Promise<Float64Array> {
  throwIfCancelled(signal);
  const held = room(multiply);
  try {
    const lower = held.take(n * n + 1);
    const scale = scaleLower(values, n, lower, multiply, held.take(TURN_SCRATCH));
    const steps = tridiagonalise(lower, n, new Float64Array(n), multiply);
    const tridiagonal = await inBreaths(steps, breather(signal));
    diagonaliseTridiagonal(tridiagonal, undefined, n);
    return tridiagonal.diagonal
      .map((value) => value * scale)
      .sort()
      .reverse();
  } finally {
    held.release();
  }
}
