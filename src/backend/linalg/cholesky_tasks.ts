/**
 * @file Steps of a Cholesky factorisation and of solving with it, each for a range of columns, which threads may share. A is held
 * negated and so are the inverses of diagonal blocks: then all sums are added up where they lie, and nothing is ever negated again.
 */
import { pulse } from '../../pulse/pulse.ts';
import { type AddProduct, transposed, view } from './gemm.ts';
import { type CholeskyPanel, type FinishRows, type SolveColumns, stretchesOf } from './shared_work.ts';
import { LEAF, triangleLeaf } from './triangle_kernel.ts';

type Matrix = ReturnType<typeof view<Float64Array>>;

/**
 * Columns `first … last` of a panel's rows get what the rows above contribute. The range that begins where the panel does is its
 * diagonal block, which is factored, too, and inverted: others need its inverse only once all of them are done.
 */
export function choleskyPanel(task: CholeskyPanel, first: number, last: number, multiply: AddProduct): void {
  const { U, n, start, end } = task;
  const width = end - start;
  const above = transposed(view(U, n, start));
  let from = first;
  if (first === start) {
    const square = view(U, n, start);
    if (start > 0) multiply(width, width, start, above, square, view(U, n, start * n + start), true);
    factorDiagonal(task, multiply);
    from = end;
  }
  if (start > 0 && from < last)
    multiply(width, last - from, start, above, view(U, n, from), view(U, n, start * n + from));
}

/** U and −U⁻¹ of a panel's diagonal block, leaf by leaf. A pivot that may not be is put down in `failure`. */
function factorDiagonal(task: CholeskyPanel, multiply: AddProduct): void {
  const { U, n, start, end, diagonal, failure, inverses, block } = task;
  const leaf = triangleLeaf(multiply.isFused ?? false);
  const inverse = inverses.subarray(start * block, start * block + block * block);
  stretchesOf(inverse, inverse, multiply).clear(0, block * block);
  for (let first = start; first < end; first += LEAF) {
    const size = Math.min(LEAF, end - first);
    const last = first + size;
    for (let i = 0; i < size; i++) {
      const at = (first + i) * n + first;
      for (let j = i; j < size; j++) leaf.block[i * LEAF + j] = -U[at + j];
    }
    // Against its own diagonal entry a pivot this small is rounding noise (NaN fails the comparison, too).
    const failed = leaf.factor(size, (i, pivot) => pivot > n * (Number.EPSILON / 2) * diagonal[first + i]);
    if (failed >= 0) {
      failure[0] = first + failed + 1;
      failure[1] = leaf.block[failed * LEAF + failed];
      return;
    }
    leaf.invert(size);
    putLeaf(task, first - start, size, leaf.inverse, leaf.block);
    joinInverse(task, first - start, size, multiply);
    const rest = end - last;
    if (rest === 0) continue;
    const own = view(inverse, block, (first - start) * (block + 1));
    finish(task, multiply, own, [first, last], [last, end], task.scratch.subarray(0, size * rest));
    const row = view(U, n, first * n + last);
    multiply(rest, rest, size, transposed(row), row, view(U, n, last * n + last), true);
  }
}

/** A leaf's factor and inverse to where they belong: rows `at … at + size` of the panel. */
function putLeaf(
  { U, n, start, inverses, block }: CholeskyPanel,
  at: number,
  size: number,
  inverse: Float64Array,
  factor: Float64Array,
): void {
  for (let i = 0; i < size; i++) {
    const row = (start + at + i) * n + start + at;
    const place = (start + at + i) * block + at;
    for (let j = i; j < size; j++) {
      U[row + j] = factor[i * LEAF + j];
      inverses[place + j] = inverse[i * LEAF + j];
    }
  }
}

/** Columns `at … at + size` of the panel's −U⁻¹ above their leaf: −[U₁ B; 0 U₂]⁻¹ has (−U₁⁻¹)·B·(−U₂⁻¹) there. */
function joinInverse(task: CholeskyPanel, at: number, size: number, multiply: AddProduct): void {
  if (at === 0) return;
  const { U, n, start, inverses, block, scratch } = task;
  const half = scratch.subarray(0, at * size);
  stretchesOf(half, half, multiply).clear(0, at * size);
  const origin = start * block;
  multiply(
    at,
    size,
    size,
    view(U, n, start * n + start + at),
    view(inverses, block, origin + at * (block + 1)),
    view(half, size),
  );
  multiply(at, size, at, view(inverses, block, origin), view(half, size), view(inverses, block, origin + at));
}

/** Columns `first … last` of a panel's rows: U₁₂ = U₁₁⁻ᵀ·A₁₂. */
export function finishRows(task: FinishRows, first: number, last: number, multiply: AddProduct): void {
  const { start, end, inverses, block, scratch } = task;
  const own = scratch.subarray((first - end) * block, (last - end) * block);
  finish(task, multiply, view(inverses, block, start * block), [start, end], [first, last], own);
}

/** @param inverse −U⁻¹ of the rows' diagonal block. @param scratch (rows, columns). */
function finish(
  { U, n }: { U: Float64Array; n: number },
  multiply: AddProduct,
  inverse: Matrix,
  [start, end]: readonly [number, number],
  [first, last]: readonly [number, number],
  scratch: Float64Array,
): void {
  const [rows, columns] = [end - start, last - first];
  apply(multiply, inverse, true, [rows, columns], view(U, n, start * n + first), scratch);
  const written = stretchesOf(U, scratch, multiply);
  for (let i = 0; i < rows; i++) written.copy((start + i) * n + first, i * columns, columns);
}

/** scratch = N·B of an upper triangular N, or Nᵀ·B: a row of N needs none of B above it, one of Nᵀ none below. */
function apply(
  multiply: AddProduct,
  N: Matrix,
  isTransposed: boolean,
  [rows, columns]: readonly [number, number],
  B: Matrix,
  scratch: Float64Array,
): void {
  stretchesOf(scratch, scratch, multiply).clear(0, rows * columns);
  for (let row = 0; row < rows; row += LEAF) {
    const end = Math.min(rows, row + LEAF);
    const known = isTransposed ? end : rows - row;
    const left = isTransposed
      ? transposed({ ...N, offset: N.offset + row })
      : { ...N, offset: N.offset + row * (N.row_stride + 1) };
    const right = isTransposed ? B : { ...B, offset: B.offset + row * B.row_stride };
    multiply(end - row, columns, known, left, right, view(scratch, columns, row * columns));
  }
}

/**
 * Columns `first … last` of X, by panels `first_panel … last_panel`: Uᵀ·Y = B downwards, which leaves −Y, or from there U·X = Y
 * upwards, which leaves X.
 */
export function solveColumns(task: SolveColumns, first: number, last: number, multiply: AddProduct): void {
  const { U, n, inverses, block, x, columns, scratch, first_panel, last_panel, down } = task;
  const width = last - first;
  const own = scratch.subarray(first * block, last * block);
  const written = stretchesOf(x, own, multiply);
  for (let step = first_panel; step < last_panel; step++) {
    pulse();
    const panel = down ? step : last_panel - 1 - (step - first_panel);
    const start = panel * block;
    const end = Math.min(n, start + block);
    const rows = end - start;
    const place = view(x, columns, start * columns + first);
    if (down && start > 0) {
      multiply(rows, width, start, transposed(view(U, n, start)), view(x, columns, first), place);
    } else if (!down && end < n) {
      const known = view(x, columns, end * columns + first);
      multiply(rows, width, n - end, view(U, n, start * n + end), known, place);
    }
    const inverse = view(inverses, block, start * block);
    apply(multiply, inverse, down, [rows, width], place, own);
    for (let i = 0; i < rows; i++) written.copy((start + i) * columns + first, i * width, width);
  }
}
