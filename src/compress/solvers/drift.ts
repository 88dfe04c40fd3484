/**
 * @file Where the compressed model's inputs X have drifted from the dense ones X̄: Δ = Σ (x̄ − x)ᵀ·x, which GPTAQ and SAES-SVD
 * aim with, and the weight that gives from X what W gives from X + β·(X̄ − X).
 */
import { choleskyFactor, choleskySolveFactored, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import type { TapStatistics } from '../../statistics/statistics.ts';

/** Δ, (n, n), row i for dense input i. `cross` has the compressed input in its rows. */
export function deltaGram({ gram, cross, size: n }: TapStatistics): Float64Array | undefined {
  if (!gram || !cross) return undefined;
  const delta = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) delta[i * n + j] = cross[j * n + i] - gram[i * n + j];
  return delta;
}

/**
 * W·(G + β·Δ)·G⁻¹ = W + β·W·Δ·G⁻¹: least squares without any limit of rank.
 * @param W (rows, n) row-major; left as it is. @param gram (n, n), not singular.
 * @throws `not_converged`, `cancelled`
 */
export async function againstDrift(
  W: Float64Array,
  rows: number,
  n: number,
  gram: Float64Array,
  delta: Float64Array,
  beta: number,
  options: LinalgOptions = {},
): Promise<Float64Array> {
  const { multiply = addProduct } = options;
  // (n, rows): ΔᵀWᵀ.
  const target = new Float64Array(n * rows);
  multiply(n, rows, n, transposed(view(delta, n)), transposed(view(W, n)), view(target, rows));
  const moved = await choleskySolveFactored(await choleskyFactor(gram.slice(), n, options), target, rows, options);
  const found = W.slice();
  for (let i = 0; i < n; i++) for (let row = 0; row < rows; row++) found[row * n + i] += beta * moved[i * rows + row];
  return found;
}
