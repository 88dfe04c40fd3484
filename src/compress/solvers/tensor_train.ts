/**
 * @file TT-SVD (Oseledets 2011) of every row of a table on its own, as TensorGPT (arXiv 2307.00526) has it: the row is bent to a
 * block, and what is left of it is split once a core into its strongest directions and the rest.
 */
import { breather } from '../../backend/event_loop.ts';
import { trainLength } from '../../models/packed/packing.ts';

export interface TrainShape {
  readonly shape: readonly number[];
  readonly ranks: readonly number[];
}

/**
 * How rows of d numbers are bent: four equal sizes where d is a fourth power, two where it is a square, else the three sizes
 * with the least sum, rising.
 */
export function blockSizes(d: number): number[] {
  for (const count of [4, 2]) {
    const size = Math.round(d ** (1 / count));
    if (size ** count === d) return new Array<number>(count).fill(size);
  }
  let best: number[] = [1, 1, d];
  for (let a = 1; a ** 3 <= d; a++) {
    for (let b = a; d % a === 0 && a * b * b <= d; b++) {
      if ((d / a) % b !== 0) continue;
      const sizes = [a, b, d / a / b];
      if (sum(sizes) < sum(best)) best = sizes;
    }
  }
  return best;
}

/**
 * Ranks whose cores have as many numbers as fit in d/ratio; of several the ones that are largest from the left. Undefined where
 * even ranks of 1 do not fit.
 */
export function trainShape(d: number, ratio: number): TrainShape | undefined {
  const shape = blockSizes(d);
  let best: { ranks: number[]; length: number } | undefined;
  const visit = (ranks: readonly number[]) => {
    const k = ranks.length;
    if (k === shape.length - 1) {
      const length = trainLength({ shape, ranks });
      if (length <= d / ratio && (!best || length >= best.length)) best = { ranks: [...ranks], length };
      return;
    }
    const right = shape.slice(k + 1).reduce((product, size) => product * size, 1);
    const most = Math.min((ranks[k - 1] ?? 1) * shape[k], right);
    for (let rank = 1; rank <= most; rank++) visit([...ranks, rank]);
  };
  visit([]);
  return best && { shape, ranks: best.ranks };
}

/**
 * Cores of every row, (rows, numbers of a train).
 * @param table (rows, d) row-major.
 * @throws `cancelled`
 */
export async function trainRows(
  table: ArrayLike<number>,
  rows: number,
  d: number,
  train: TrainShape,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const length = trainLength(train);
  const cores = new Float64Array(rows * length);
  const breathe = breather(signal);
  for (let row = 0; row < rows; row++) {
    let at = row * length;
    let rest: Float64Array = Float64Array.from({ length: d }, (_, i) => table[row * d + i]);
    let rank = 1;
    for (const [k, next] of train.ranks.entries()) {
      const height = rank * train.shape[k];
      const split = strongest(rest, height, next);
      cores.set(split.directions, at);
      at += height * next;
      rest = split.rest;
      rank = next;
    }
    cores.set(rest, at);
    if ((row & 15) === 15) await breathe();
  }
  return cores;
}

/** A (height, width) ≈ directions (height, rank) · rest (rank, width): its strongest left singular vectors, and Uᵀ·A. */
function strongest(A: Float64Array, height: number, rank: number): { directions: Float64Array; rest: Float64Array } {
  const width = A.length / height;
  const squares = new Float64Array(height * height);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j <= i; j++) {
      let total = 0;
      for (let k = 0; k < width; k++) total += A[i * width + k] * A[j * width + k];
      squares[i * height + j] = squares[j * height + i] = total;
    }
  }
  const vectors = jacobi(squares, height);
  const order = Array.from({ length: height }, (_, i) => i).sort(
    (a, b) => squares[b * height + b] - squares[a * height + a],
  );
  const directions = new Float64Array(height * rank);
  const rest = new Float64Array(rank * width);
  for (let r = 0; r < rank; r++) {
    for (let i = 0; i < height; i++) {
      const u = vectors[i * height + order[r]];
      directions[i * rank + r] = u;
      for (let k = 0; k < width; k++) rest[r * width + k] += u * A[i * width + k];
    }
  }
  return { directions, rest };
}

const SWEEPS = 30;

/** Cyclic Jacobi of a small symmetric matrix: S becomes diagonal in place, the eigenvectors are the columns. */
function jacobi(S: Float64Array, n: number): Float64Array {
  const V = new Float64Array(n * n);
  for (let i = 0; i < n; i++) V[i * n + i] = 1;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let rotated = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = S[p * n + q];
        if (Math.abs(off) <= 1e-16 * Math.sqrt(Math.abs(S[p * n + p] * S[q * n + q])) || off === 0) continue;
        rotated = true;
        const theta = (S[q * n + q] - S[p * n + p]) / (2 * off);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        rotate(S, n, p, q, c, t * c);
        for (let i = 0; i < n; i++) turn(V, i * n + p, i * n + q, c, t * c);
      }
    }
    if (!rotated) break;
  }
  return V;
}

function rotate(S: Float64Array, n: number, p: number, q: number, c: number, s: number): void {
  for (let i = 0; i < n; i++) turn(S, i * n + p, i * n + q, c, s);
  for (let i = 0; i < n; i++) turn(S, p * n + i, q * n + i, c, s);
}

function turn(values: Float64Array, a: number, b: number, c: number, s: number): void {
  const [x, y] = [values[a], values[b]];
  values[a] = c * x - s * y;
  values[b] = s * x + c * y;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
