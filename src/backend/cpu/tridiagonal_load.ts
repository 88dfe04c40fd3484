/** @file f64 twin of shaders/tridiagonal_load.wgsl. */

/**
 * The upper triangle of an (n, n) matrix made symmetric, scaled by the power of two that brings `largest` into [1, 2),
 * and padded by zeros to (size, size).
 */
export function tridiagonal_load(
  covariance: ArrayLike<number>,
  n: number,
  size: number,
  largest: number,
): Float64Array {
  const scale = largest === 0 ? 1 : 2 ** -Math.floor(Math.log2(largest));
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      matrix[row * size + column] = scale * covariance[Math.min(row, column) * n + Math.max(row, column)];
    }
  }
  return matrix;
}
