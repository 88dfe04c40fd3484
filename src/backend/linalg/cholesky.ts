/**
 * @file Cholesky factorisation of large symmetric positive definite matrices and what is solved with it, in f64, by panels of rows:
 * nearly all work is in deep matrix products of column ranges, which a backend's threads share without waiting for one another more
 * than twice a panel (Golub & Van Loan, *Matrix Computations*, §4.2). All of it yields to the event loop and can be cancelled.
 */
import { WhittleError } from '../../errors/errors.ts';
import { breather, throwIfCancelled } from '../event_loop.ts';
import { choleskyPanel, finishRows, solveColumns } from './cholesky_tasks.ts';
import { type AddProduct, addProduct } from './gemm.ts';
import { columnRanges, type Room, room, runShared, whereShared } from './shared_work.ts';

/** Rows of a panel, and the size from which panels have twice as many: the deeper a product, the less it moves. */
const [PANEL, WORTH_DEEPER] = [128, 2048];
/** Products between two breaths. */
const BREATH = 2 ** 29;

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
  /** −U⁻¹ of each diagonal block of `block` rows, one below the other, `block` numbers a row. */
  readonly inverses: Float64Array;
  readonly block: number;
}

type Breathe = () => Promise<void> | undefined;

/**
 * @param a (n, n) row-major, symmetric positive definite; only the upper triangle is read.
 * @throws `not_converged` where a pivot is not positive: A is not positive definite to working precision. `cancelled`.
 */
export async function choleskyFactor(
  a: ArrayLike<number>,
  n: number,
  options: LinalgOptions = {},
): Promise<CholeskyFactor> {
  return factorInto(new Float64Array(n * n), a, n, options);
}

/** As {@link choleskyFactor}, in the place of A: what lies below the diagonal becomes zero. */
export async function factorInPlace(U: Float64Array, n: number, options: LinalgOptions = {}): Promise<CholeskyFactor> {
  return factorInto(U, U, n, options);
}

/** @param U Takes the factor; may be `a` itself. */
async function factorInto(
  U: Float64Array,
  a: ArrayLike<number>,
  n: number,
  { signal, multiply = addProduct }: LinalgOptions,
): Promise<CholeskyFactor> {
  throwIfCancelled(signal);
  const held = room(multiply);
  try {
    const isReached = !multiply.allocate || multiply.kernelFor?.(U) !== undefined;
    const place = isReached ? U : held.take(n * n);
    const { inverses, block } = await factorPlace(a, n, place, held, breather(signal), multiply);
    if (place !== U) U.set(place);
    return { n, U, inverses: inverses.slice(), block };
  } finally {
    held.release();
  }
}

interface Factored {
  U: Float64Array;
  inverses: Float64Array;
  block: number;
}

/** U of `a` into `place`, with the inverses in an array of `held`. */
async function factorPlace(
  a: ArrayLike<number>,
  n: number,
  place: Float64Array,
  held: Room,
  breathe: Breathe,
  multiply: AddProduct,
): Promise<Factored> {
  const block = Math.min(n, n < WORTH_DEEPER ? PANEL : 2 * PANEL);
  const inverses = held.take(Math.ceil(n / block) * block * block);
  const [diagonal, scratch] = [held.take(n), held.take(n * block)];
  const failure = held.take(2).fill(0);
  negateUpper(a, n, place, diagonal);
  const factor = { U: place, n, inverses, block, scratch };
  for (let start = 0; start < n; start += block) {
    const end = Math.min(n, start + block);
    const rest = columnRanges(end, n);
    const panel = { ...factor, start, end, diagonal, failure };
    const bounds = end === n ? [start, n] : [start, ...(start === 0 ? [n] : rest)];
    runShared(multiply, 'cholesky_panel', choleskyPanel, panel, bounds, (n - start) * start * block);
    const [failed, pivot] = failure;
    if (failed > 0) throw notPositive(failed - 1, pivot, diagonal[failed - 1]);
    if (end < n) {
      const work = ((n - end) * block * block) / 2;
      runShared(multiply, 'finish_rows', finishRows, { ...factor, start, end }, rest, work);
    }
    const pause = breathe();
    if (pause) await pause;
  }
  return { U: place, inverses, block };
}

/** −A above the diagonal and on it, zeros below. @param place May be `a` itself. @param diagonal Takes A's. */
function negateUpper(a: ArrayLike<number>, n: number, place: Float64Array, diagonal: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const row = i * n;
    diagonal[i] = a[row + i];
    place.fill(0, row, row + i);
    for (let j = i; j < n; j++) place[row + j] = -a[row + j];
  }
}

/**
 * X with UᵀU·X = B.
 * @param b (n, columns) row-major; left as it is.
 */
export async function choleskySolveFactored(
  { n, U, inverses, block }: CholeskyFactor,
  b: ArrayLike<number>,
  columns: number,
  { signal, multiply = addProduct }: LinalgOptions = {},
): Promise<Float64Array> {
  const breathe = breather(signal);
  return whereShared(U, multiply, (u) =>
    whereShared(inverses, multiply, (v) => solveWith({ U: u, inverses: v, block }, n, b, columns, breathe, multiply)),
  );
}

/** X with A·X = B: {@link choleskyFactor}, then {@link choleskySolveFactored}. */
export async function choleskySolve(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  n: number,
  columns: number,
  { signal, multiply = addProduct }: LinalgOptions = {},
): Promise<Float64Array> {
  throwIfCancelled(signal);
  const breathe = breather(signal);
  const held = room(multiply);
  try {
    const factor = await factorPlace(a, n, held.take(n * n), held, breathe, multiply);
    return await solveWith(factor, n, b, columns, breathe, multiply);
  } finally {
    held.release();
  }
}

/** Both triangular systems, all ranges of columns on their own. */
async function solveWith(
  factor: Factored,
  n: number,
  b: ArrayLike<number>,
  columns: number,
  breathe: Breathe,
  multiply: AddProduct,
): Promise<Float64Array> {
  const { block } = factor;
  const held = room(multiply);
  try {
    const x = held.take(n * columns);
    x.set(b);
    const scratch = held.take(columns * block);
    const bounds = columnRanges(0, columns);
    const panels = Math.ceil(n / block);
    const together = Math.max(1, Math.round(BREATH / (n * columns * block)));
    for (const down of [true, false]) {
      for (let done = 0; done < panels; done += together) {
        const next = Math.min(panels, done + together);
        const [first_panel, last_panel] = down ? [done, next] : [panels - next, panels - done];
        const task = { ...factor, n, x, columns, scratch, first_panel, last_panel, down };
        runShared(multiply, 'solve_columns', solveColumns, task, bounds, (n * columns * block * (next - done)) / 2);
        const pause = breathe();
        if (pause) await pause;
      }
    }
    return x.slice();
  } finally {
    held.release();
  }
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
