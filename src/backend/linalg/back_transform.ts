/**
 * @file Eigenvectors of a tridiagonal matrix → eigenvectors of the matrix it was reduced from: z ← Q·z with Q a product of
 * Householder reflectors, taken in blocks as I − V·T·Vᵀ so that the work is matrix products (compact WY form: Schreiber &
 * Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989). Vectors are rows here, so that z·V reads and writes them as they lie, and each
 * thread turns vectors of its own by all blocks.
 */
import { pulse } from '../../pulse/pulse.ts';
import { type AddProduct, addProduct, transposed, view } from './gemm.ts';
import {
  evenRanges,
  type ReflectorFactors,
  type ReflectRows,
  rangesOf,
  room,
  runShared,
  stretchesOf,
} from './shared_work.ts';
import type { Steps } from './steps.ts';

/** Reflectors of a block. */
const BLOCK = 64;
/** Vectors that are turned together, at most. */
const STRIP = 128;
/** Ranges of vectors are whole tiles of either height, about. */
const ROWS = 12;
/** Blocks between two breaths, in vectors times elements. */
const BREATH = 2 ** 22;

/**
 * z ← H₍ₙ₋₁₎ ··· H₁ · z of every row z in place, with reflectors as `tridiagonalise` leaves them: H_i = I − tau[i]·v·vᵀ, v in the first i
 * places of row i of `a`.
 * @param a (n, n) row-major; what lies on the diagonal and right of it is lost. @param z (count, n) row-major, a vector in each row.
 */
export function* backTransform(
  a: Float64Array,
  tau: Float64Array,
  z: Float64Array,
  n: number,
  multiply: AddProduct = addProduct,
): Steps<void> {
  const count = z.length / n;
  const blocks = Math.ceil(n / BLOCK);
  const held = room(multiply);
  try {
    const factors = held.take(blocks * BLOCK * BLOCK).fill(0);
    const scratch = held.take(count * 2 * BLOCK);
    const scales = held.take(n);
    scales.set(tau);
    const made = { reflectors: a, scales, n, factors };
    runShared(multiply, 'reflector_factors', reflectorFactors, made, rangesOf(blocks, 1), (n * n * BLOCK) / 2);
    const together = Math.max(1, Math.ceil(BREATH / (count * BLOCK)));
    const bounds = evenRanges(count, STRIP, ROWS);
    for (let first_block = 0; first_block < blocks; first_block += together) {
      const last_block = Math.min(blocks, first_block + together);
      const work = 2 * count * BLOCK * (last_block - first_block) * last_block * BLOCK;
      const task = { z, n, reflectors: a, factors, scratch, first_block, last_block };
      runShared(multiply, 'reflect_rows', reflectRows, task, bounds, work);
      yield;
    }
  } finally {
    held.release();
  }
}

/** Vectors `start … end`, a strip at a time. */
export function reflectRows(task: ReflectRows, start: number, end: number, multiply: AddProduct): void {
  const { z, n, reflectors, factors, scratch, first_block, last_block } = task;
  const cleared = stretchesOf(scratch, scratch, multiply);
  for (let row = start; row < end; row += STRIP) {
    const rows = Math.min(STRIP, end - row);
    pulse();
    for (let block = first_block; block < last_block; block++) {
      const first = block * BLOCK;
      const b = Math.min(BLOCK, n - first);
      const size = first + b; // whole tiles: the last of them is zero in every reflector
      const V = view(reflectors, n, first * n);
      const W = view(scratch, b, row * 2 * BLOCK);
      const WT = view(scratch, b, row * 2 * BLOCK + rows * BLOCK);
      cleared.clear(W.offset, 2 * rows * BLOCK);
      multiply(rows, b, size, view(z, n, row * n), transposed(V), W);
      multiply(rows, b, b, W, transposed(view(factors, BLOCK, block * BLOCK * BLOCK)), WT);
      multiply(rows, size, b, WT, V, view(z, n, row * n));
    }
  }
}

/** Of blocks `start … end`, counted from the last and longest: what is begun last is short, so that threads end together. */
export function reflectorFactors(task: ReflectorFactors, start: number, end: number, multiply: AddProduct): void {
  const last = Math.ceil(task.n / BLOCK) - 1;
  for (let block = start; block < end; block++) factorOf(task, last - block, multiply);
}

/** −T of a block, lower triangular: a reflector more on the left adds the row (−τ·vᵀV·T, τ). */
function factorOf(task: ReflectorFactors, block: number, multiply: AddProduct): void {
  const { reflectors: a, scales: tau, n, factors } = task;
  const first = block * BLOCK;
  const b = Math.min(BLOCK, n - first);
  const size = first + b;
  for (let r = 0; r < b; r++) {
    const i = first + r;
    // A step that needed no reflector left its row as it was.
    if (tau[i] === 0) a.fill(0, i * n, i * n + size);
    else a.fill(0, i * n + i, i * n + size);
  }
  const products = new Float64Array(b * b);
  const V = view(a, n, first * n);
  multiply(b, b, size, V, transposed(V), view(products, b));
  const T = factors.subarray(block * BLOCK * BLOCK, (block + 1) * BLOCK * BLOCK);
  for (let r = 0; r < b; r++) {
    const factor = tau[first + r];
    T[r * BLOCK + r] = -factor;
    for (let i = 0; i < r; i++) {
      const scale = -factor * products[r * b + i];
      for (let j = 0; j <= i; j++) T[r * BLOCK + j] += scale * T[i * BLOCK + j];
    }
  }
}
