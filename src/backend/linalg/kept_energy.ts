/**
 * @file What a decomposition's errors cost: how much less energy its first columns keep than the best subspace of the same
 * dimension (Ky Fan 1949). It is the figure that slicing is about: eigenvectors of close eigenvalues may differ by 90°
 * without any loss, and a small residual may hide a large one.
 *
 * A loss is told as a share of the energy outside the largest eigenvalue, which may be a single channel.
 */
import { asFloat64, PROBES, signs } from './certificate.ts';
import { choleskySolve } from './cholesky.ts';
import { trace } from './dominant.ts';
import { type AddProduct, addProduct, transposed, view } from './gemm.ts';
import { symmetricEigenvalues } from './symmetric_eigen.ts';

/**
 * Against the eigenvalues of H by the f64 solver: about 5·n³ operations.
 * @param H (n, n) symmetric.
 * @param eigenvectors (n, `dimension` or more), of which the first `dimension` columns are kept.
 * @param known Eigenvalues that a solver in f64 has found already.
 * @returns Σ of the largest `dimension` eigenvalues − energy in the span of the columns, as a share; ≥ 0 up to f64 rounding.
 */
export async function keptEnergyLoss(
  H: Float64Array,
  eigenvectors: ArrayLike<number>,
  n: number,
  dimension: number,
  signal?: AbortSignal,
  known?: Float64Array,
): Promise<number> {
  const eigenvalues = known ?? (await symmetricEigenvalues(H, n, signal));
  const best = eigenvalues.subarray(0, dimension).reduce((sum, value) => sum + value, 0);
  const loss = best - (await energyOfSpan(H, asFloat64(eigenvectors), n, dimension, signal));
  return share(loss, eigenvalues.reduce((sum, value) => sum + value, 0) - eigenvalues[0], n * eigenvalues[0]);
}

/** tr((AᵀA)⁻¹·AᵀHA) for the first `dimension` columns A of Q: they need not be orthonormal. */
export async function energyOfSpan(
  H: Float64Array,
  Q: Float64Array,
  n: number,
  dimension: number,
  signal?: AbortSignal,
): Promise<number> {
  const d = dimension;
  const A = view(Q, Q.length / n);
  const HA = new Float64Array(n * d);
  addProduct(n, d, n, view(H, n), A, view(HA, d));
  const gram = new Float64Array(d * d);
  addProduct(d, d, n, transposed(A), A, view(gram, d));
  const inner = new Float64Array(d * d);
  addProduct(d, d, n, transposed(A), view(HA, d), view(inner, d));
  return trace(await choleskySolve(gram, inner, d, d, { signal }), d);
}

/**
 * The same loss from above, in n² work. Between kept columns A and an orthonormal basis B of all that is orthogonal to them stands
 * M = AᵀHB − Λ_A·AᵀB, and no turn of the kept subspace towards the dropped one gains more than ‖M‖_* ≤ √min(d, n−d)·‖M‖_F
 * in first order, nor more than ‖m‖²/(λ − λ_B) through a row m of M that belongs to an eigenvalue λ far above those of B. ‖M‖_F
 * comes from sixteen probes, of which B is not needed: B·Bᵀ = I − A·Aᵀ. Twice the estimate is told, for what they miss and for the order
 * at the cut.
 * @param eigenvalues All n. @param eigenvectors (n, `dimension` or more).
 * @param head Leading columns that are far above the others. @param multiply Computes the products.
 */
export function keptEnergyBound(
  H: Float64Array,
  eigenvalues: ArrayLike<number>,
  eigenvectors: ArrayLike<number>,
  n: number,
  dimension: number,
  head: number,
  multiply: AddProduct = addProduct,
): number {
  const d = dimension;
  const dropped = n - d;
  if (dropped === 0) return 0;
  const A = view(asFloat64(eigenvectors), eigenvectors.length / n);
  const Z = signs(n * PROBES);
  const share_of_kept = new Float64Array(d * PROBES);
  multiply(d, PROBES, n, transposed(A), view(Z, PROBES), view(share_of_kept, PROBES));
  for (let i = 0; i < share_of_kept.length; i++) share_of_kept[i] = -share_of_kept[i];
  multiply(n, PROBES, d, A, view(share_of_kept, PROBES), view(Z, PROBES));
  // HZ and Z side by side, so that A is gone through once for both.
  const HZ = new Float64Array(n * PROBES);
  multiply(n, PROBES, n, view(H, n), view(Z, PROBES), view(HZ, PROBES));
  const both = new Float64Array(n * 2 * PROBES);
  for (let i = 0; i < n; i++) {
    both.set(HZ.subarray(i * PROBES, (i + 1) * PROBES), 2 * i * PROBES);
    both.set(Z.subarray(i * PROBES, (i + 1) * PROBES), (2 * i + 1) * PROBES);
  }
  const M = new Float64Array(d * 2 * PROBES);
  multiply(d, 2 * PROBES, n, transposed(A), view(both, 2 * PROBES), view(M, 2 * PROBES));
  let bound = 0;
  let squares = 0;
  for (let row = 0; row < d; row++) {
    let ofRow = 0;
    for (let p = 0; p < PROBES; p++) {
      const of_H = M[2 * row * PROBES + p];
      ofRow += (of_H - eigenvalues[row] * M[(2 * row + 1) * PROBES + p]) ** 2 / PROBES;
    }
    if (row < head && eigenvalues[row] > 2 * eigenvalues[d]) bound += ofRow / (eigenvalues[row] - eigenvalues[d]);
    else squares += ofRow;
  }
  bound += Math.sqrt(Math.min(d, dropped) * squares);
  return share(2 * bound, trace(H, n) - eigenvalues[0], n * eigenvalues[0]);
}

/**
 * Where nothing is outside the largest eigenvalue, nothing can be lost there: what rounding in f64 leaves of it in n others is
 * nothing.
 */
function share(loss: number, energy: number, rounded: number): number {
  return loss === 0 || !(energy > rounded * Number.EPSILON) ? 0 : loss / energy;
}
