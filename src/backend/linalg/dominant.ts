/**
 * @file The few directions that hold most of a covariance: massive activations and outlier channels. Subspace iteration
 * with Rayleigh–Ritz in f64 (Golub & Van Loan, §8.2); and what is left of the matrix without them.
 */
import { type AddProduct, addProduct, transposed, view } from './gemm.ts';
import { room } from './shared_work.ts';
import { symmetricEigen } from './symmetric_eigen.ts';
import { TURN_SCRATCH, turnUpper } from './turn.ts';

export interface Dominant {
  /** Descending. */
  values: Float64Array;
  /** (n, count) row-major, orthonormal columns. */
  vectors: Float64Array;
  count: number;
}

/** Directions looked for at once. */
const BLOCK = 16;
const MAX_ITERATIONS = 20;
/** A direction is dominant that holds this many times the mean energy of those below it. */
const DOMINANCE = 100;
/**
 * A direction is known well enough when what couples it with the rest, ‖Hv − θv‖²/θ, is below this share of the mean energy
 * of the rest: this is all that taking it out of H can cost (the first-order bound on a Schur complement).
 */
const COUPLING = 1e-9;

/**
 * @param H (n, n) symmetric, all of it.
 * @returns The dominant directions that were found to full accuracy; none where the spectrum has no such head.
 */
export async function dominantDirections(H: Float64Array, n: number): Promise<Dominant> {
  const block = Math.min(BLOCK, n >> 2);
  const total = trace(H, n);
  if (block === 0 || !(total > 0) || !Number.isFinite(total)) return NO_DIRECTIONS;
  let X = startingBlock(H, n, block);
  let best = NO_DIRECTIONS;
  for (let iteration = 1; iteration <= MAX_ITERATIONS; iteration++) {
    orthonormalise(X, n, block);
    const HX = product(H, X, n, block);
    const { values, vectors, images } = await rayleighRitz(X, HX, n, block);
    const wanted = countDominant(values, total, n);
    if (wanted === 0 && iteration >= 3) return NO_DIRECTIONS;
    // Where nothing is left below, f64 rounding is what can be reached.
    const allowed = Math.max(COUPLING * meanBelow(values, wanted, total, n), (n * Number.EPSILON) ** 2 * values[0]);
    let count = 0;
    while (count < wanted && coupling(values, vectors, images, n, block, count) <= allowed) count++;
    if (count >= best.count)
      best = { values: values.slice(0, count), vectors: columns(vectors, n, block, count), count };
    if (wanted > 0 && count === wanted) break;
    X = images;
  }
  return best;
}

export const NO_DIRECTIONS: Dominant = { values: new Float64Array(0), vectors: new Float64Array(0), count: 0 };

/** How many of the largest eigenvalues are dominant, where all are known. @param eigenvalues Descending. */
export function dominantCount(eigenvalues: Float64Array): number {
  const total = eigenvalues.reduce((sum, value) => sum + value, 0);
  const n = eigenvalues.length;
  return countDominant(eigenvalues.subarray(0, Math.min(BLOCK, n >> 2)), total, n);
}

/** H − U(UᵀHU)Uᵀ for an invariant subspace; in general (I − UUᵀ)·H·(I − UUᵀ), (n, n) symmetric. */
export function withoutDirections(H: Float64Array, n: number, { vectors: U, count }: Dominant): Float64Array {
  const rest = H.slice();
  if (count === 0) return rest;
  const W = product(H, U, n, count);
  const inner = new Float64Array(count * count);
  addProduct(count, count, n, transposed(view(U, count)), view(W, count), view(inner, count));
  // With Z = W − ½·U·(UᵀHU): the projected matrix is H − U·Zᵀ − Z·Uᵀ.
  const halved = inner.map((value) => -value / 2);
  addProduct(n, count, count, view(U, count), view(halved, count), view(W, count));
  const negated = W.map((value) => -value);
  addProduct(n, n, count, view(U, count), transposed(view(negated, count)), view(rest, n), true);
  addProduct(n, n, count, view(negated, count), transposed(view(U, count)), view(rest, n), true);
  mirrorUpper(rest, n);
  return rest;
}

/** Copies the upper triangle into the lower one. @param multiply Of who reaches the matrix by kernels. */
export function mirrorUpper(matrix: Float64Array, n: number, multiply?: AddProduct): void {
  const held = room(multiply);
  try {
    turnUpper(matrix, n, 1, matrix, multiply, held.take(TURN_SCRATCH));
  } finally {
    held.release();
  }
}

export function trace(matrix: ArrayLike<number>, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i];
  return sum;
}

/** The columns of H with the largest diagonal entries: an outlier channel is nearly its own eigenvector. */
function startingBlock(H: Float64Array, n: number, block: number): Float64Array {
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => H[j * n + j] - H[i * n + i] || i - j);
  const X = new Float64Array(n * block);
  for (let i = 0; i < n; i++) {
    // Plus a little of everything (golden-ratio sequence), so that no direction is missed by symmetry.
    for (let j = 0; j < block; j++) X[i * block + j] = 1e-3 * (((i + 1) * (j + 1) * 0.6180339887498949) % 1) - 5e-4;
  }
  for (let j = 0; j < block; j++) X[order[j] * block + j] += 1;
  return product(H, X, n, block);
}

function product(H: Float64Array, X: Float64Array, n: number, width: number): Float64Array {
  const HX = new Float64Array(n * width);
  addProduct(n, width, n, view(H, n), view(X, width), view(HX, width));
  return HX;
}

/** Modified Gram–Schmidt, twice; a column that vanishes becomes a unit vector of its own. */
function orthonormalise(X: Float64Array, n: number, width: number): void {
  for (let j = 0; j < width; j++) {
    normalise(X, n, width, j);
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < j; k++) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += X[i * width + k] * X[i * width + j];
        for (let i = 0; i < n; i++) X[i * width + j] -= dot * X[i * width + k];
      }
      normalise(X, n, width, j);
    }
  }
}

function normalise(X: Float64Array, n: number, width: number, j: number): void {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, Math.abs(X[i * width + j]));
  if (!(largest > 1e-200)) {
    for (let i = 0; i < n; i++) X[i * width + j] = i === (j * 7919) % n ? 1 : 0;
    return;
  }
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (X[i * width + j] / largest) ** 2;
  const scale = 1 / (largest * Math.sqrt(squares));
  for (let i = 0; i < n; i++) X[i * width + j] *= scale;
}

async function rayleighRitz(X: Float64Array, HX: Float64Array, n: number, width: number) {
  const T = new Float64Array(width * width);
  addProduct(width, width, n, transposed(view(X, width)), view(HX, width), view(T, width));
  const { eigenvalues, eigenvectors } = await symmetricEigen(T, width);
  const vectors = new Float64Array(n * width);
  const images = new Float64Array(n * width);
  addProduct(n, width, width, view(X, width), view(eigenvectors, width), view(vectors, width));
  addProduct(n, width, width, view(HX, width), view(eigenvectors, width), view(images, width));
  return { values: eigenvalues, vectors, images };
}

function meanBelow(values: Float64Array, count: number, total: number, n: number): number {
  let above = 0;
  for (let i = 0; i < count; i++) above += values[i];
  return Math.max(0, total - above) / (n - count);
}

/** The longest head in which even the last direction dominates the mean of what is below. */
function countDominant(values: Float64Array, total: number, n: number): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] > DOMINANCE * meanBelow(values, i + 1, total, n)) count = i + 1;
  }
  return count;
}

/** ‖Hv − θv‖² / θ of Ritz pair `j`. */
function coupling(
  values: Float64Array,
  vectors: Float64Array,
  images: Float64Array,
  n: number,
  width: number,
  j: number,
): number {
  let squares = 0;
  for (let i = 0; i < n; i++)
    squares += ((images[i * width + j] - values[j] * vectors[i * width + j]) / values[j]) ** 2;
  return squares * values[j];
}

function columns(X: Float64Array, n: number, width: number, count: number): Float64Array {
  const leading = new Float64Array(n * count);
  for (let i = 0; i < n; i++) for (let j = 0; j < count; j++) leading[i * count + j] = X[i * width + j];
  return leading;
}
