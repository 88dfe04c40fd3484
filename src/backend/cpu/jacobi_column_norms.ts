/** @file f64 twin of shaders/jacobi_column_norms.wgsl. */

/** (n, 2): for each of the first n columns of a (size, size) matrix Σ_{i≠j, i<n} a_ij² and a_jj². */
export function jacobi_column_norms(matrix: ArrayLike<number>, n: number, size: number): Float64Array {
  const norms = new Float64Array(2 * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      norms[2 * column + (row === column ? 1 : 0)] += matrix[row * size + column] ** 2;
    }
  }
  return norms;
}
