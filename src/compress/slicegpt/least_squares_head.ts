/** @file The `tied-sliced` head: the least-squares fit of the original head on a sliced table. */
import { choleskySolve } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import type { Basis } from './rotate.ts';

/**
 * M of DESIGN.md's `tied-sliced` head: the (D, d) matrix that makes M·E₁ᵀ the least-squares fit of diag(γ)·Eᵀ, with
 * E₁ = E·P and G = EᵀE: M = diag(γ)·G·P·(Pᵀ·G·P)⁻¹, in f64.
 */
export async function leastSquaresHead(
  gram: Float64Array,
  projection: Float64Array,
  gamma: ArrayLike<number> | undefined,
  basis: Basis,
): Promise<Float64Array> {
  const D = basis.Q.shape[0];
  const d = basis.dimension;
  const G = new Float64Array(D * D);
  for (let row = 0; row < D; row++) {
    for (let column = row; column < D; column++) {
      G[row * D + column] = gram[row * D + column];
      G[column * D + row] = gram[row * D + column];
    }
  }
  const P = view(projection, d);
  const GP = new Float64Array(D * d);
  addProduct(D, d, D, view(G, D), P, view(GP, d));
  const PGP = new Float64Array(d * d);
  addProduct(d, d, D, transposed(P), view(GP, d), view(PGP, d));
  // Solve (PᵀGP)·X = (GP)ᵀ: column r of X is row r of M, and PᵀGP is symmetric.
  const right = new Float64Array(d * D);
  for (let row = 0; row < D; row++) {
    const scale = gamma ? gamma[row] : 1;
    for (let column = 0; column < d; column++) right[column * D + row] = scale * GP[row * d + column];
  }
  const X = await choleskySolve(PGP, right, d, D);
  const M = new Float64Array(D * d);
  for (let row = 0; row < D; row++)
    for (let column = 0; column < d; column++) M[row * d + column] = X[column * D + row];
  return M;
}
