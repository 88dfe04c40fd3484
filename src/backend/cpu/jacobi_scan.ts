/** @file f64 twin of shaders/jacobi_scan.wgsl. */

/** Largest |entry| of the upper triangle of an (n, n) matrix; infinite where an entry is not finite. */
export function jacobi_scan(covariance: ArrayLike<number>, n: number): number {
  let largest = 0;
  for (let row = 0; row < n; row++) {
    for (let column = row; column < n; column++) {
      const size = Math.abs(covariance[row * n + column]);
      if (!Number.isFinite(size)) return Number.POSITIVE_INFINITY;
      largest = Math.max(largest, size);
    }
  }
  return largest;
}
