/** @file The damped Gram matrix that GPTQ, SparseGPT and OWQ spread their errors by. */
import type { LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { inverseFactor } from '../../backend/linalg/inverse_factor.ts';

/** Share of the mean diagonal that is added to it (GPTQ's `percdamp`). */
export const DAMPING = 0.01;

export interface InverseHessian {
  /** (n, n) row-major, upper triangular, H⁻¹ = UᵀU. */
  readonly U: Float64Array;
  /** Inputs that the calibration text never used: their diagonal was 0, and their weights count for nothing. */
  readonly dead: readonly number[];
}

/** Linears that read the same inputs hand over the same Gram, which is then factored once: q, k and v; gate and up. */
const known = new WeakMap<Float64Array, Map<string, Promise<InverseHessian>>>();

/**
 * @param gram (n, n) row-major, whole: XᵀX of what a linear reads; not to be changed afterwards.
 * @param order Inputs in the order in which they are taken: as they stand, by falling diagonal, or listed.
 */
export function inverseHessian(
  gram: Float64Array,
  n: number,
  order: 'natural' | 'falling' | ArrayLike<number>,
  damping = DAMPING,
  options: LinalgOptions = {},
): Promise<InverseHessian> {
  if (typeof order !== 'string') return factored(gram, n, order, damping, options);
  const ofGram = known.get(gram) ?? new Map<string, Promise<InverseHessian>>();
  known.set(gram, ofGram);
  const key = `${order} ${damping}`;
  const found =
    ofGram.get(key) ??
    factored(gram, n, order === 'falling' ? fallingOrder(diagonalOf(gram, n)) : undefined, damping, options);
  ofGram.set(key, found);
  // What was cancelled or failed may be asked for again.
  found.catch(() => ofGram.delete(key));
  return found;
}

async function factored(
  gram: Float64Array,
  n: number,
  order: ArrayLike<number> | undefined,
  damping: number,
  options: LinalgOptions,
): Promise<InverseHessian> {
  const H = order ? reordered(gram, n, order) : gram.slice();
  const dead: number[] = [];
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (H[i * n + i] === 0) {
      H[i * n + i] = 1;
      dead.push(i);
    }
    sum += H[i * n + i];
  }
  for (let i = 0; i < n; i++) H[i * n + i] += (damping * sum) / n;
  return { U: await inverseFactor(H, n, options), dead };
}

function reordered(gram: Float64Array, n: number, order: ArrayLike<number>): Float64Array {
  const H = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = order[i] * n;
    for (let j = 0; j < n; j++) H[i * n + j] = gram[row + order[j]];
  }
  return H;
}

/** Indices by falling value; equal ones keep their order. */
export function fallingOrder(values: ArrayLike<number>): Uint32Array {
  return Uint32Array.from(Array.from(values, (_, i) => i).sort((a, b) => values[b] - values[a] || a - b));
}

/** The diagonal of an (n, n) matrix. */
export function diagonalOf(matrix: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]);
}

/** Columns of W (rows, columns) in the given order: column j of the result is column order[j]. */
export function takeColumns(W: Float64Array, rows: number, columns: number, order: ArrayLike<number>): Float64Array {
  const count = order.length;
  const taken = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < count; j++) taken[row * count + j] = W[row * columns + order[j]];
  }
  return taken;
}
