/**
 * @file Eigenvalues and vectors of a symmetric tridiagonal f64 matrix by divide and conquer: the matrix is torn into two
 * halves and a rank-one change, which are solved and joined (`join.ts`). Nearly all work is matrix products, and less of it the more
 * eigenvalues cluster. Small parts are solved side by side, the joins above them one after another with all threads in each.
 */
import { type AddProduct, addProduct } from './gemm.ts';
import { joinHalves, SECULAR_ROWS } from './join.ts';
import { type Room, rangesOf, room, runShared, stretchesOf, type TridiagonalParts } from './shared_work.ts';
import type { Steps } from './steps.ts';
import type { Tridiagonal } from './tridiagonal.ts';
import { diagonaliseTridiagonal } from './tridiagonal_ql.ts';

/** Below this the QL iteration is as fast. */
const SMALLEST = 32;
/** Parts up to this size are solved by one thread each: products of their own would wait longer than they take. */
const PART = 300;

export interface TridiagonalEigen {
  /** All n, ascending. */
  values: Float64Array;
  /** (count, n) row-major, the last row for the last value: vectors are put together as they lie. */
  vectors: Float64Array;
}

/**
 * @param matrix Left as it is.
 * @param wanted How many eigenvectors are wanted, of the largest eigenvalues; all by default.
 * @param held Where the vectors are to lie, for a caller that releases it; else they are an array of their own.
 * @throws `not_converged`
 */
export function* divideAndConquer(
  matrix: Tridiagonal,
  multiply: AddProduct = addProduct,
  wanted = matrix.diagonal.length,
  held?: Room,
): Steps<TridiagonalEigen> {
  const n = matrix.diagonal.length;
  const own = held ?? room(multiply);
  try {
    const [values, order, off] = [own.take(n), own.take(n), own.take(n)];
    values.set(matrix.diagonal);
    off.set(matrix.off);
    const secular = own.take(SECULAR_ROWS * n);
    const [vectors, gathered, shares] = [own.take(n * n), own.take(n * n), own.take(n * n)];
    stretchesOf(vectors, gathered, multiply).clear(0, n * n);
    let depth = 0;
    while (Math.ceil(n / 2 ** depth) > PART) depth++;
    const parts = { n, values, order, off, vectors, gathered, shares, secular, depth };
    tear(parts, 0, n, depth);
    runShared(multiply, 'tridiagonal_parts', solveParts, parts, rangesOf(2 ** depth, 1), n * PART ** 2);
    yield;
    const joined = yield* joinParts(parts, 0, n, depth, multiply, wanted);
    own.give(shares);
    const first = wanted < n && depth > 0 ? 0 : n - wanted;
    const sorted = gathered.subarray(0, wanted * n);
    const sorting = stretchesOf(sorted, vectors, multiply);
    for (let j = 0; j < wanted; j++) sorting.copy(j * n, order[first + j] * n, n);
    own.give(vectors);
    return {
      values: joined ?? Float64Array.from({ length: n }, (_, j) => values[order[j]]),
      vectors: held ? sorted : sorted.slice(),
    };
  } finally {
    if (!held) own.release();
  }
}

/** The rank-one changes that part the matrix `depth` times, taken off its diagonal. */
function tear(parts: TridiagonalParts, start: number, end: number, depth: number): void {
  if (depth === 0) return;
  const middle = tearAt(parts, start, end);
  tear(parts, start, middle, depth - 1);
  tear(parts, middle, end, depth - 1);
}

function tearAt({ values, off }: TridiagonalParts, start: number, end: number): number {
  const middle = start + ((end - start) >> 1);
  const rho = Math.abs(off[middle - 1]);
  values[middle - 1] -= rho;
  values[middle] -= rho;
  return middle;
}

/** Solves parts `first … last`, each on its own. */
export function solveParts(parts: TridiagonalParts, first: number, last: number, multiply: AddProduct): void {
  const { n, depth } = parts;
  for (let part = first; part < last; part++) {
    let [start, end] = [0, n];
    for (let level = depth - 1; level >= 0; level--) {
      const middle = start + ((end - start) >> 1);
      if ((part >> level) & 1) start = middle;
      else end = middle;
    }
    solve(parts, start, end, multiply);
  }
}

function solve(parts: TridiagonalParts, start: number, end: number, multiply: AddProduct): void {
  if (end - start <= SMALLEST) {
    solveDirectly(parts, start, end);
    return;
  }
  const middle = tearAt(parts, start, end);
  solve(parts, start, middle, multiply);
  solve(parts, middle, end, multiply);
  const coupling = parts.off[middle - 1];
  joinHalves(parts, [start, middle, end], Math.abs(coupling), Math.sign(coupling), multiply);
}

function solveDirectly({ n, values, order, off, vectors }: TridiagonalParts, start: number, end: number): void {
  const m = end - start;
  const own = { diagonal: values.slice(start, end), off: off.slice(start, end) };
  own.off[m - 1] = 0;
  const z = new Float64Array(m * m);
  for (let i = 0; i < m; i++) z[i * m + i] = 1;
  diagonaliseTridiagonal(own, z, m);
  values.set(own.diagonal, start);
  for (let j = 0; j < m; j++) for (let row = 0; row < m; row++) vectors[(start + j) * n + start + row] = z[row * m + j];
  const sorted = Array.from(own.diagonal.keys()).sort((i, j) => own.diagonal[i] - own.diagonal[j]);
  for (const [i, slot] of sorted.entries()) order[start + i] = start + slot;
}

/** @returns All eigenvalues, ascending; undefined where nothing was to be joined. */
function* joinParts(
  parts: TridiagonalParts,
  start: number,
  end: number,
  depth: number,
  multiply: AddProduct,
  wanted: number,
): Steps<Float64Array | undefined> {
  if (depth === 0) return undefined;
  const middle = start + ((end - start) >> 1);
  yield* joinParts(parts, start, middle, depth - 1, multiply, middle - start);
  yield* joinParts(parts, middle, end, depth - 1, multiply, end - middle);
  const coupling = parts.off[middle - 1];
  const values = joinHalves(parts, [start, middle, end], Math.abs(coupling), Math.sign(coupling), multiply, wanted);
  yield;
  return values;
}
