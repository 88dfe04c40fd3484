/** @file f64 twin of shaders/jacobi_converge.wgsl. */

export interface JacobiMeasures {
  /** ‖off(A)‖_F. */
  off: number;
  /** ‖A‖_F. */
  norm: number;
  /** √Σ a_ij²/(d_i·d_j) over i ≠ j. */
  scaled: number;
}

/** @param norms (n, 4), of jacobi_column_norms. */
export function jacobi_converge(norms: ArrayLike<number>): JacobiMeasures {
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < norms.length; i++) sums[i % 4] += norms[i];
  return { off: Math.sqrt(sums[0]), norm: Math.sqrt(sums[0] + sums[1]), scaled: Math.sqrt(sums[2]) };
}
