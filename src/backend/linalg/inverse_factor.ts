/**
 * @file U with H⁻¹ = UᵀU, U upper triangular: what GPTQ (arXiv 2210.17323, §3.3) and its kin read a row at a time.
 *
 * The papers' code inverts H and factors the inverse. Here H itself is factored from its last row up, H = MMᵀ with M upper
 * triangular: then H⁻¹ = M⁻ᵀM⁻¹ and U = M⁻¹, which is half the work and never forms an inverse to factor it.
 */
import { choleskyFactor, type LinalgOptions } from './cholesky.ts';
import { invertUpper } from './triangular.ts';

/**
 * @param H (n, n) row-major, symmetric positive definite; whole.
 * @returns U, (n, n) row-major.
 * @throws `not_converged`, `cancelled`
 */
export async function inverseFactor(
  H: ArrayLike<number>,
  n: number,
  options: LinalgOptions = {},
): Promise<Float64Array> {
  // With rows and columns in reverse order, H = MMᵀ is the common H' = LLᵀ = U'ᵀU'.
  const { U } = await choleskyFactor(reversed(H, n), n, options);
  return invertUpper(reversedTransposed(U, n), n, options);
}

function reversed(a: ArrayLike<number>, n: number): Float64Array {
  const size = n * n;
  const turned = new Float64Array(size);
  for (let i = 0; i < size; i++) turned[i] = a[size - 1 - i];
  return turned;
}

/** M of U': M_ij = U'_(n−1−j)(n−1−i). */
function reversedTransposed(U: Float64Array, n: number): Float64Array {
  const M = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) M[i * n + j] = U[(n - 1 - j) * n + (n - 1 - i)];
  return M;
}
