/**
 * @file U with H⁻¹ = UᵀU, U upper triangular: what GPTQ (arXiv 2210.17323, §3.3) and its kin read a row at a time.
 *
 * The papers' code inverts H and factors the inverse. Here H itself is factored from its last row up, H = MMᵀ with M upper
 * triangular: then H⁻¹ = M⁻ᵀM⁻¹ and U = M⁻¹, which is half the work and never forms an inverse to factor it.
 */

import { factorInPlace, type LinalgOptions } from './cholesky.ts';
import { addProduct } from './gemm.ts';
import { whereShared } from './shared_work.ts';
import { invertUpperInPlace } from './triangular.ts';

/**
 * @param H (n, n) row-major, symmetric positive definite; whole. U takes its place: a matrix of that size is never needed twice.
 * @returns U, (n, n) row-major, in the array of H.
 * @throws `not_converged`, `cancelled`
 */
export async function inverseFactor(H: Float64Array, n: number, options: LinalgOptions = {}): Promise<Float64Array> {
  // With rows and columns in reverse order, H = MMᵀ is the common H' = LLᵀ = U'ᵀU'.
  await whereShared(H, options.multiply ?? addProduct, async (place) => {
    await factorInPlace(place.reverse(), n, options);
    reflect(place, n);
    await invertUpperInPlace(place, n, options);
  });
  return H;
}

/** M of U', in its place: M_ij = U'_(n−1−j)(n−1−i), across the other diagonal. */
function reflect(U: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n - 1 - i; j++) {
      const [at, other] = [i * n + j, (n - 1 - j) * n + (n - 1 - i)];
      const value = U[at];
      U[at] = U[other];
      U[other] = value;
    }
  }
}
