/** @file f64 twin of shaders/jacobi_column_norms.wgsl. */

const FLOOR = 1e-10;

/** (n, 4): for each of the first n columns Σ a_ij², a_jj², Σ a_ij²/(d_i·d_j), 0; i ≠ j below n, d_i = max(|a_ii|, 1e-10). */
export function jacobi_column_norms(matrix: ArrayLike<number>, n: number, size: number): Float64Array {
  const scale = (i: number): number => Math.max(Math.abs(matrix[i * (size + 1)]), FLOOR);
  const norms = new Float64Array(4 * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      const square = matrix[row * size + column] ** 2;
      if (row === column) {
        norms[4 * column + 1] = square;
      } else {
        norms[4 * column] += square;
        norms[4 * column + 2] += square / (scale(row) * scale(column));
      }
    }
  }
  return norms;
}
