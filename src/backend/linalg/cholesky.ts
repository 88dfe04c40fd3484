/**
 * @file Cholesky factorisation of large symmetric positive definite matrices and what is solved with it, in f64, by blocks:
 * nearly all work is in matrix products, which a backend's threads may share (Golub & Van Loan, *Matrix Computations*, §4.2).
 * All of it yields to the event loop and can be cancelled.
 */
import { WhittleError } from '../../errors/errors.ts';
import { breather, throwIfCancelled } from '../event_loop.ts';
import { type AddProduct, addProduct, transposed, view } from './gemm.ts';
import { room, whereShared } from './shared_work.ts';
import { invertUpperBlock } from './triangular.ts';

/** Rows that are factored one element at a time; products do the rest. */
const BLOCK = 64;
/** Rows that get what is above them at once, a whole number of blocks: the deeper a product, the less it moves. */
const PANEL = 256;

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
  const inverses: Float64Array[] = [];
  const held = room(multiply);
  try {
    await whereShared(U, multiply, async (place) => {
      for (let i = 1; i < n; i++) place.fill(0, i * n, i * n + i);
      const scratch = { rows: held.take(BLOCK * n), negated: held.take(PANEL * n) };
      for (let start = 0; start < n; start += PANEL) {
        const end = Math.min(n, start + PANEL);
        if (start > 0) {
          takeOff(place, n, scratch.negated, [0, start], [start, end], multiply);
          const pause = breathe();
          if (pause) await pause;
        }
        for (let first = start; first < end; first += BLOCK) {
          const last = Math.min(end, first + BLOCK);
          factorDiagonal(place, n, first, last, diagonal);
          for (let i = first; i < last; i++) place.fill(0, i * n + start, i * n + i);
          const inverse = invertUpperBlock(place, n, first, last);
          inverses.push(inverse);
          finishRows(place, n, inverse, scratch.rows, [first, last], multiply);
          takeOff(place, n, scratch.negated, [first, last], [last, end], multiply);
        }
        const pause = breathe();
        if (pause) await pause;
      }
    });
  } finally {
    held.release();
  }
  return { n, U, inverses };
}

/** Rows `start … end` right of their diagonal block: U₁₂ = U₁₁⁻ᵀ·A₁₂. */
function finishRows(
  U: Float64Array,
  n: number,
  inverse: Float64Array,
  scratch: Float64Array,
  [start, end]: readonly [number, number],
  multiply: AddProduct,
): void {
  const [width, rest] = [end - start, n - end];
  if (rest === 0) return;
  const rows = scratch.subarray(0, width * rest).fill(0);
  multiply(width, rest, width, transposed(view(inverse, width)), view(U, n, start * n + end), view(rows, rest));
  for (let i = 0; i < width; i++) U.set(rows.subarray(i * rest, (i + 1) * rest), (start + i) * n + end);
}

/**
 * Rows `start … end` less what rows `above` contribute: A −= U_aboveᵀ·U_above, from the first of their diagonal on. What it writes
 * below the diagonal is void.
 */
function takeOff(
  U: Float64Array,
  n: number,
  negated: Float64Array,
  [first, last]: readonly [number, number],
  [start, end]: readonly [number, number],
  multiply: AddProduct,
): void {
  const [count, width] = [last - first, end - start];
  if (width === 0) return;
  for (let k = 0; k < count; k++) {
    const from = (first + k) * n + start;
    for (let j = 0; j < width; j++) negated[k * width + j] = -U[from + j];
  }
  const left = transposed(view(negated, width));
  multiply(width, n - start, count, left, view(U, n, first * n + start), view(U, n, start * n + start));
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
  await whereShared(U, multiply, (u) =>
    whereShared(x, multiply, async (place) => {
      const held = room(multiply);
      const known = held.take(BLOCK * columns);
      try {
        const blocks = inverses.length;
        // Uᵀ·Y = B from the top, then U·X = Y from the bottom.
        for (let block = 0; block < 2 * blocks; block++) {
          const isDown = block < blocks;
          solveBlock(u, n, inverses, place, columns, isDown ? block : 2 * blocks - 1 - block, isDown, known, multiply);
          const pause = breathe();
          if (pause) await pause;
        }
      } finally {
        held.release();
      }
    }),
  );
  return x;
}

/** x[rows of the block] = inverse · (x − what the rows that are known contribute). */
function solveBlock(
  U: Float64Array,
  n: number,
  inverses: readonly Float64Array[],
  x: Float64Array,
  columns: number,
  block: number,
  isDown: boolean,
  scratch: Float64Array,
  multiply: AddProduct,
): void {
  const start = block * BLOCK;
  const end = Math.min(n, start + BLOCK);
  const width = end - start;
  const known = scratch.subarray(0, width * columns).fill(0);
  if (isDown && start > 0) {
    multiply(width, columns, start, transposed(view(U, n, start)), view(x, columns), view(known, columns));
  } else if (!isDown && end < n) {
    const right = view(U, n, start * n + end);
    multiply(width, columns, n - end, right, view(x, columns, end * columns), view(known, columns));
  }
  const place = x.subarray(start * columns, end * columns);
  for (let i = 0; i < known.length; i++) known[i] = place[i] - known[i];
  place.fill(0);
  const inverse = view(inverses[block], width);
  const left = isDown ? transposed(inverse) : inverse;
  multiply(width, columns, width, left, view(known, columns), view(place, columns));
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
