/**
 * @file The orthonormal frame in which one stream lies nearest to another (Schönemann 1966, for a frame with fewer columns than rows): of
 * the cross-Gram M = HᵀZ the polar factor P = M·(MᵀM)^−½ minimises ‖Z·Pᵀ − H‖ over PᵀP = I, because ‖Z·Pᵀ‖ does not depend on P.
 */
import type { LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import { symmetricEigen } from '../../backend/linalg/symmetric_eigen.ts';

/** Directions whose squared singular value is below this share of the largest cannot be told from rounding: they get none. */
const FLOOR = 1e-13;

/**
 * @param M (rows, columns) row-major, rows ≥ columns.
 * @returns P, (rows, columns); its columns are orthonormal wherever M has that rank.
 * @throws `not_converged`, `cancelled`
 */
export async function orthogonalFrame(
  M: Float64Array,
  rows: number,
  columns: number,
  { signal, multiply = addProduct }: LinalgOptions = {},
): Promise<Float64Array> {
  const squares = new Float64Array(columns * columns);
  multiply(columns, columns, rows, transposed(view(M, columns)), view(M, columns), view(squares, columns));
  const { eigenvalues, eigenvectors } = await symmetricEigen(squares, columns, signal, multiply);
  const scaled = new Float64Array(columns * columns);
  for (let j = 0; j < columns; j++) {
    const factor = eigenvalues[j] > FLOOR * eigenvalues[0] ? 1 / Math.sqrt(eigenvalues[j]) : 0;
    for (let i = 0; i < columns; i++) scaled[i * columns + j] = factor * eigenvectors[i * columns + j];
  }
  // (MᵀM)^−½ = V·Λ^−½·Vᵀ.
  const root = new Float64Array(columns * columns);
  multiply(
    columns,
    columns,
    columns,
    view(scaled, columns),
    transposed(view(eigenvectors, columns)),
    view(root, columns),
  );
  const P = new Float64Array(rows * columns);
  multiply(rows, columns, columns, view(M, columns), view(root, columns), view(P, columns));
  return P;
}
