/** @file f64 twin of shaders/jacobi_converge.wgsl. */

/** ‖off(A)‖_F and ‖A‖_F from the sums (n, 2) of jacobi_column_norms. */
export function jacobi_converge(norms: ArrayLike<number>): { off: number; norm: number } {
  let off = 0;
  let diagonal = 0;
  for (let i = 0; i < norms.length; i += 2) {
    off += norms[i];
    diagonal += norms[i + 1];
  }
  return { off: Math.sqrt(off), norm: Math.sqrt(off + diagonal) };
}
