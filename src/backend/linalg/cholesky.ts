/** @file Cholesky factorisation and solution for many right-hand sides, in f64 (Golub & Van Loan, §4.2). */
import { WhittleError } from '../../errors/errors.ts';
import { addProduct, transposed, view } from './gemm.ts';

/** Rows that are solved together: earlier rows reach them through one matrix product. */
const BLOCK = 32;

/**
 * L with A = L·Lᵀ, (n, n) row-major, zeros above the diagonal.
 * @param a (n, n) symmetric positive definite; only the upper triangle is read.
 * @throws `not_converged` where a pivot is not positive: A is not positive definite to working precision.
 */
export function choleskyFactor(a: ArrayLike<number>, n: number): Float64Array {
  const L = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = i * n;
    for (let j = 0; j <= i; j++) {
      const other = j * n;
      let sum = a[other + i];
      for (let k = 0; k < j; k++) sum -= L[row + k] * L[other + k];
      if (j < i) {
        L[row + j] = sum / L[other + j];
      } else {
        // Against its own diagonal entry a pivot this small is rounding noise (NaN fails the comparison, too).
        if (!(sum > n * (Number.EPSILON / 2) * a[row + i])) throw notPositive(i, sum, a[row + i]);
        L[row + i] = Math.sqrt(sum);
      }
    }
  }
  return L;
}

/**
 * X with L·Lᵀ·X = B.
 * @param b (n, columns) row-major; left as it is.
 */
export function choleskySolveFactored(L: Float64Array, b: ArrayLike<number>, n: number, columns: number): Float64Array {
  const x = Float64Array.from(b);
  const known = new Float64Array(BLOCK * columns);
  // L·Y = B, blocks from the top; then Lᵀ·X = Y, blocks from the bottom.
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(n, start + BLOCK);
    known.fill(0);
    addProduct(end - start, columns, start, view(L, n, start * n), view(x, columns), view(known, columns));
    subtract(x, start * columns, known, (end - start) * columns);
    for (let i = start; i < end; i++) {
      for (let k = start; k < i; k++) subtractRow(x, columns, i, k, L[i * n + k]);
      divideRow(x, columns, i, L[i * n + i]);
    }
  }
  for (let end = n; end > 0; end -= Math.min(BLOCK, end)) {
    const start = Math.max(0, end - BLOCK);
    known.fill(0);
    const below = transposed(view(L, n, end * n + start)); // (L[end:, start:end])ᵀ
    addProduct(end - start, columns, n - end, below, view(x, columns, end * columns), view(known, columns));
    subtract(x, start * columns, known, (end - start) * columns);
    for (let i = end - 1; i >= start; i--) {
      for (let k = i + 1; k < end; k++) subtractRow(x, columns, i, k, L[k * n + i]);
      divideRow(x, columns, i, L[i * n + i]);
    }
  }
  return x;
}

/** X with A·X = B: {@link choleskyFactor}, then {@link choleskySolveFactored}. */
export function choleskySolve(a: ArrayLike<number>, b: ArrayLike<number>, n: number, columns: number): Float64Array {
  return choleskySolveFactored(choleskyFactor(a, n), b, n, columns);
}

function subtract(x: Float64Array, offset: number, known: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) x[offset + i] -= known[i];
}

/** x[i, :] −= factor · x[k, :]. */
function subtractRow(x: Float64Array, columns: number, i: number, k: number, factor: number): void {
  for (let j = 0; j < columns; j++) x[i * columns + j] -= factor * x[k * columns + j];
}

function divideRow(x: Float64Array, columns: number, i: number, divisor: number): void {
  for (let j = 0; j < columns; j++) x[i * columns + j] /= divisor;
}

function notPositive(index: number, pivot: number, diagonal: number): WhittleError {
  return new WhittleError({
    code: 'not_converged',
    message: `A Cholesky factorisation met the pivot ${pivot.toExponential(3)} in row ${index}, whose diagonal entry is ${diagonal.toExponential(3)}.`,
    allowed: 'positive pivots, well above rounding: a positive definite matrix',
    action: 'Add damping to the diagonal, or use more calibration text than the matrix has rows.',
  });
}
