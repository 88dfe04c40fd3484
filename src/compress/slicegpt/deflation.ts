/**
 * @file PCA of a covariance whose largest eigenvalues dwarf the others (massive activations, arXiv 2402.17762; outlier
 * channels). An f32 solver is right to a few units of the largest eigenvalue's last digit, which may be more than all that
 * decides what is kept. So the dominant directions are found and taken out in f64; the device solves what is left, whose
 * own largest eigenvalue now sets the error; and the directions are put in front again.
 */
import type { Eigendecomposition, Tensor } from '../../backend/backend.ts';
import { frobenius } from '../../backend/linalg/certificate.ts';
import { type Dominant, dominantCount, trace, withoutDirections } from '../../backend/linalg/dominant.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import type { Arena } from '../../runtime/arena.ts';

export interface Decomposition {
  /** (n, as many as wanted or more) eigenvectors in columns, by descending eigenvalue; owned by the arena. */
  Q: Tensor;
  /** What Q holds on the device; good until it is freed. */
  values: Float32Array | Float64Array;
  /** All n. */
  eigenvalues: Float64Array;
  solver: string;
  sweeps: number;
  /** Directions that were taken out first. */
  deflated: number;
  /** Leading directions that are far above the others. */
  leading: number;
}

/**
 * By how much rounding weighs more in what is left of H without the dominant directions than it does in a sum of the
 * states themselves: Σ rounded_i·(1 − ‖row i of U‖²), which its rounding errors are proportional to, over its trace. About 1
 * where the dominant directions are channels: entries of other channels are sums of their own, small products. Large where
 * many channels share a direction: what is left are small differences of large entries.
 * @param rounded (n): diagonal of the matrix whose entries were summed with rounding.
 */
export function lostDigits(
  rounded: Float64Array,
  H: Float64Array,
  n: number,
  { values, vectors: U, count }: Dominant,
): number {
  let errors = 0;
  for (let i = 0; i < n; i++) {
    let share = 0;
    for (let j = 0; j < count; j++) share += U[i * count + j] ** 2;
    errors += rounded[i] * Math.max(0, 1 - share);
  }
  const rest = trace(H, n) - values.reduce((sum, value) => sum + value, 0);
  return rest > 0 ? Math.max(1, errors / rest) : 1;
}

/**
 * @param H (n, n) symmetric, f64.
 * @param dominant Of H; taken out before a device that computes in f32 solves the rest. A backend that computes in f64 is given none.
 * @param wanted How many directions are wanted.
 */
export async function decompose(
  arena: Arena,
  H: Float64Array,
  n: number,
  dominant: Dominant,
  wanted: number,
  signal: AbortSignal,
): Promise<Decomposition> {
  const isDeflated = dominant.count > 0;
  const matrix = isDeflated ? shifted(withoutDirections(H, n, dominant), n, dominant) : H;
  // What was taken out stands in front of a whole basis.
  const found = await eigenpairs(arena, matrix, n, isDeflated ? n : wanted, signal);
  const whole = await decompositionOf(arena, found);
  if (!isDeflated) return whole;
  const { eigenvalues, values, solver, sweeps } = whole;
  const merged = inFront(dominant, eigenvalues, values, n);
  arena.free(whole.Q);
  const used = Float32Array.from(merged.vectors);
  return {
    Q: arena.own(arena.backend.fromArray(used, [n, n], 'Q')),
    values: used,
    eigenvalues: merged.eigenvalues,
    solver,
    sweeps,
    deflated: dominant.count,
    leading: dominant.count,
  };
}

/** What a solver found of a matrix that nothing was taken out of. */
export async function decompositionOf(
  arena: Arena,
  { eigenvalues, eigenvectors, solver, sweeps }: Eigendecomposition,
): Promise<Decomposition> {
  const Q = arena.own(eigenvectors);
  const values = arena.backend.lend?.(Q) ?? (await arena.backend.read(Q));
  return { Q, values, eigenvalues, solver, sweeps, deflated: 0, leading: dominantCount(eigenvalues) };
}

async function eigenpairs(arena: Arena, matrix: Float64Array, n: number, wanted: number, signal: AbortSignal) {
  const { backend } = arena;
  if (backend.eigh64) return backend.eigh64({ matrix, n, wanted, signal });
  const covariance = arena.own(backend.fromArray(matrix, [n, n], 'covariance'));
  try {
    return await backend.eigh({ covariance, wanted, signal });
  } finally {
    arena.free(covariance);
  }
}

/**
 * G' + c·UUᵀ with c above every eigenvalue of G', which ‖G'‖_F bounds: the basis stays n wide, and its first columns are
 * those of U, well apart from the others. Where G' is no more than the rounding of what was taken out, c is above that, too.
 */
function shifted(rest: Float64Array, n: number, { values, vectors: U, count }: Dominant): Float64Array {
  const shift = Math.max(2 * frobenius(rest), 2 ** -27 * values[0]);
  const scaled = U.map((value) => shift * value);
  addProduct(n, n, count, view(scaled, count), transposed(view(U, count)), view(rest, n));
  return rest;
}

/** The solver's first columns make place for U; the others are made orthogonal to it, in f64, and ordered with it. */
function inFront(
  { vectors: U, values, count }: Dominant,
  solved: Float64Array,
  solvedVectors: ArrayLike<number>,
  n: number,
) {
  const width = n - count;
  const V = new Float64Array(n * width);
  for (let i = 0; i < n; i++) for (let j = 0; j < width; j++) V[i * width + j] = solvedVectors[i * n + count + j];
  const overlap = new Float64Array(count * width);
  addProduct(count, width, n, transposed(view(U, count)), view(V, width), view(overlap, width));
  const negated = U.map((value) => -value);
  addProduct(n, width, count, view(negated, count), view(overlap, width), view(V, width));

  const all = [...values, ...solved.subarray(count)];
  const order = all.map((_, i) => i).sort((a, b) => all[b] - all[a] || a - b);
  const signs = Array.from({ length: count }, (_, j) => signOfLargest(U, n, count, j));
  const vectors = new Float64Array(n * n);
  for (const [column, from] of order.entries()) {
    for (let i = 0; i < n; i++) {
      vectors[i * n + column] = from < count ? signs[from] * U[i * count + from] : V[i * width + from - count];
    }
  }
  return { vectors, eigenvalues: Float64Array.from(order, (from) => all[from]) };
}

function signOfLargest(U: Float64Array, n: number, width: number, j: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) {
    if (Math.abs(U[i * width + j]) > Math.abs(largest)) largest = U[i * width + j];
  }
  return largest < 0 ? -1 : 1;
}
