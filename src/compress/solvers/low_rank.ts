/**
 * @file The best matrix of a rank: plainly (Eckart–Young), or for what the linear puts out on the calibration text (SVD-LLM,
 * arXiv 2403.07378: the SVD of W·S with G = SSᵀ). One eigendecomposition of the smaller side gives either.
 */
import { choleskyFactor, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { symmetricEigen } from '../../backend/linalg/symmetric_eigen.ts';
import { invertUpper } from '../../backend/linalg/triangular.ts';

/** W ≈ up · down. */
export interface LowRankPair {
  readonly rank: number;
  /** (rows, rank) row-major, columns by falling singular value; the root of each value is in either factor. */
  readonly up: Float64Array;
  /** (rank, columns) row-major. */
  readonly down: Float64Array;
}

const FLOOR = 1e-6;

/** The largest rank whose pair has at most `keep` of the matrix's elements. */
export function rankOf(keep: number, rows: number, columns: number): number {
  return Math.floor((keep * rows * columns) / (rows + columns));
}

/**
 * @param W (rows, columns) row-major.
 * @param gram (columns, columns): XᵀX of what the linear reads; absent: every input counts the same.
 * @throws `not_converged`, `cancelled`
 */
export async function lowRank(
  W: Float64Array,
  rows: number,
  columns: number,
  rank: number,
  gram?: Float64Array,
  options: LinalgOptions = {},
): Promise<LowRankPair> {
  const { signal, multiply = addProduct } = options;
  // G = UᵀU = SSᵀ with S = Uᵀ; M = W·S.
  const factor = gram && (await choleskyFactor(floored(gram, columns), columns, options)).U;
  const M = factor ? new Float64Array(rows * columns) : W;
  if (factor) multiply(rows, columns, columns, view(W, columns), transposed(view(factor, columns)), view(M, columns));
  const up = new Float64Array(rows * rank);
  const down = new Float64Array(rank * columns);
  const isWide = rows <= columns;
  const n = isWide ? rows : columns;
  const squares = new Float64Array(n * n);
  const [left, right] = isWide
    ? [view(M, columns), transposed(view(M, columns))]
    : [transposed(view(M, columns)), view(M, columns)];
  multiply(n, n, isWide ? columns : rows, left, right, view(squares, n));
  const { eigenvalues, eigenvectors } = await symmetricEigen(squares, n, signal, multiply, rank);
  const values = Array.from({ length: rank }, (_, j) => Math.sqrt(Math.max(0, eigenvalues[j] ?? 0)));
  const vectors = view(eigenvectors, rank);
  if (isWide) {
    // up = U·√d; down = √d⁻¹·Uᵀ·W: the whitening cancels.
    multiply(rank, columns, rows, transposed(vectors), view(W, columns), view(down, columns));
    for (let j = 0; j < rank; j++) {
      const root = Math.sqrt(values[j]);
      for (let i = 0; i < rows; i++) up[i * rank + j] = eigenvectors[i * rank + j] * root;
      for (let i = 0; i < columns; i++) down[j * columns + i] = root > 0 ? down[j * columns + i] / root : 0;
    }
    return { rank, up, down };
  }
  // up = M·V·√d⁻¹; down = √d·Vᵀ·S⁻¹.
  multiply(rows, rank, columns, view(M, columns), vectors, view(up, rank));
  const inverse = factor && (await invertUpper(factor, columns, options));
  if (inverse)
    multiply(rank, columns, columns, transposed(vectors), transposed(view(inverse, columns)), view(down, columns));
  for (let j = 0; j < rank; j++) {
    const root = Math.sqrt(values[j]);
    for (let i = 0; i < rows; i++) up[i * rank + j] = root > 0 ? up[i * rank + j] / root : 0;
    for (let i = 0; i < columns; i++) {
      down[j * columns + i] = root * (inverse ? down[j * columns + i] : eigenvectors[i * rank + j]);
    }
  }
  return { rank, up, down };
}

/** The numbers that the pair stands for, (rows, columns). */
export function decodeLowRank({ rank, up, down }: LowRankPair, rows: number, columns: number): Float64Array {
  const values = new Float64Array(rows * columns);
  addProduct(rows, columns, rank, view(up, rank), view(down, columns), view(values, columns));
  return values;
}

/** G with what keeps inputs that are never used from making it singular. */
export function floored(gram: Float64Array, n: number): Float64Array {
  const G = gram.slice();
  let sum = 0;
  for (let i = 0; i < n; i++) sum += G[i * n + i];
  for (let i = 0; i < n; i++) G[i * n + i] += (FLOOR * sum) / n || 1;
  return G;
}
