/**
 * @file Cholesky factorisation of large symmetric positive definite matrices and what is solved with it, in f64, by blocks:
 * nearly all work is in matrix products, which a backend's threads may share (Golub & Van Loan, *Matrix Computations*, §4.2).
 * All of it yields to the event loop and can be cancelled.
 */
import { WhittleError } from '../../errors/errors.ts';
import { breather, throwIfCancelled } from '../event_loop.ts';
import { type AddProduct, addProduct, transposed, view } from './gemm.ts';
import { invertUpperBlock } from './triangular.ts';

/** Columns that are factored together; products do the rest. */
const BLOCK = 64;

export interface LinalgOptions {
  readonly signal?: AbortSignal;
  /** Computes the larger products; one thread unless given. */
  readonly multiply?: AddProduct;
}

/** A = UᵀU. */
export interface CholeskyFactor {
  readonly n: number;
  /** (n, n) row-major, upper triangular, positive diagonal; what lies below is zero. */
  readonly U: Float64Array;
  /** Inverses of the diagonal blocks of U, each (BLOCK, BLOCK) row-major. */
  readonly inverses: readonly Float64Array[];
}

/**
 * @param a (n, n) row-major, symmetric positive definite; only the upper triangle is read.
 * @throws `not_converged` where a pivot is not positive: A is not positive definite to working precision. `cancelled`.
 */
export async function choleskyFactor(
  a: ArrayLike<number>,
  n: number,
  options: LinalgOptions = {},
): Promise<CholeskyFactor> {
  const U = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) U[i * n + j] = a[i * n + j];
  return factorInPlace(U, n, options);
}

/** As {@link choleskyFactor}, in the place of A: what lies below the diagonal becomes zero. */
export async function factorInPlace(
  U: Float64Array,
  n: number,
  { signal, multiply = addProduct }: LinalgOptions = {},
): Promise<CholeskyFactor> {
  throwIfCancelled(signal);
  const breathe = breather(signal);
  const diagonal = Float64Array.from({ length: n }, (_, i) => U[i * n + i]);
  for (let i = 1; i < n; i++) U.fill(0, i * n, i * n + i);
  const inverses: Float64Array[] = [];
  // Of all blocks, the first of which is the largest.
  const rows = new Float64Array(BLOCK * n);
  const negatedRows = new Float64Array(BLOCK * n);
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(n, start + BLOCK);
    factorDiagonal(U, n, start, end, diagonal);
    const inverse = invertUpperBlock(U, n, start, end);
    inverses.push(inverse);
    const width = end - start;
    const rest = n - end;
    if (rest > 0) {
      // U₁₂ = U₁₁⁻ᵀ·A₁₂, then A₂₂ −= U₁₂ᵀ·U₁₂.
      const row = rows.subarray(0, width * rest).fill(0);
      multiply(width, rest, width, transposed(view(inverse, width)), view(U, n, start * n + end), view(row, rest));
      const negated = negatedRows.subarray(0, row.length);
      for (let i = 0; i < width; i++) {
        for (let j = 0; j < rest; j++) {
          const value = row[i * rest + j];
          negated[i * rest + j] = -value;
          U[(start + i) * n + end + j] = value;
        }
      }
      multiply(rest, rest, width, transposed(view(negated, rest)), view(row, rest), view(U, n, end * n + end), true);
    }
    await breathe();
  }
  return { n, U, inverses };
}

/** Unblocked, of the diagonal block `start … end`; what earlier blocks contribute has been subtracted. */
function factorDiagonal(U: Float64Array, n: number, start: number, end: number, diagonal: Float64Array): void {
  for (let i = start; i < end; i++) {
    const row = i * n;
    for (let k = start; k < i; k++) {
      const factor = U[k * n + i];
      for (let j = i; j < end; j++) U[row + j] -= factor * U[k * n + j];
    }
    const pivot = U[row + i];
    // Against its own diagonal entry a pivot this small is rounding noise (NaN fails the comparison, too).
    if (!(pivot > n * (Number.EPSILON / 2) * diagonal[i])) throw notPositive(i, pivot, diagonal[i]);
    const root = Math.sqrt(pivot);
    for (let j = i; j < end; j++) U[row + j] /= root;
  }
}

/**
 * X with UᵀU·X = B.
 * @param b (n, columns) row-major; left as it is.
 */
export async function choleskySolveFactored(
  { n, U, inverses }: CholeskyFactor,
  b: ArrayLike<number>,
  columns: number,
  { signal, multiply = addProduct }: LinalgOptions = {},
): Promise<Float64Array> {
  const breathe = breather(signal);
  const x = Float64Array.from(b);
  const blocks = inverses.length;
  /** x[rows of the block] = inverse · (x − known), with `known` negated already. */
  const finish = (block: number, known: Float64Array, isTransposed: boolean) => {
    const start = block * BLOCK;
    const width = Math.min(n, start + BLOCK) - start;
    for (let i = 0; i < known.length; i++) known[i] = x[start * columns + i] - known[i];
    const place = x.subarray(start * columns, (start + width) * columns).fill(0);
    const inverse = view(inverses[block], width);
    multiply(
      width,
      columns,
      width,
      isTransposed ? transposed(inverse) : inverse,
      view(known, columns),
      view(place, columns),
    );
  };
  // Uᵀ·Y = B from the top, then U·X = Y from the bottom.
  for (let block = 0; block < blocks; block++) {
    const start = block * BLOCK;
    const width = Math.min(n, start + BLOCK) - start;
    const known = new Float64Array(width * columns);
    if (start > 0)
      multiply(width, columns, start, transposed(view(U, n, start)), view(x, columns), view(known, columns));
    finish(block, known, true);
    await breathe();
  }
  for (let block = blocks - 1; block >= 0; block--) {
    const start = block * BLOCK;
    const end = Math.min(n, start + BLOCK);
    const known = new Float64Array((end - start) * columns);
    if (end < n) {
      multiply(
        end - start,
        columns,
        n - end,
        view(U, n, start * n + end),
        view(x, columns, end * columns),
        view(known, columns),
      );
    }
    finish(block, known, false);
    await breathe();
  }
  return x;
}

/** X with A·X = B: {@link choleskyFactor}, then {@link choleskySolveFactored}. */
export async function choleskySolve(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  n: number,
  columns: number,
  options: LinalgOptions = {},
): Promise<Float64Array> {
  return choleskySolveFactored(await choleskyFactor(a, n, options), b, columns, options);
}

function notPositive(index: number, pivot: number, diagonal: number): WhittleError {
  return new WhittleError({
    code: 'not_converged',
    message: `A Cholesky factorisation met the pivot ${pivot.toExponential(3)} in row ${index}, whose diagonal entry is ${diagonal.toExponential(3)}.`,
    allowed: 'positive pivots, well above rounding: a positive definite matrix',
    action:
      'Calibrate with more text, or give the step more damping where it has that option (--help METHOD lists options).',
  });
}
