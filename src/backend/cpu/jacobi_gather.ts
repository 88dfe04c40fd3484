/** @file f64 twin of shaders/jacobi_gather.wgsl. */

/** (n, n): column j is row order[j] of `vectors` (size, size), its largest component made positive. */
export function jacobi_gather(vectors: ArrayLike<number>, size: number, order: ArrayLike<number>): Float64Array {
  const n = order.length;
  const eigenvectors = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    const row = Array.from({ length: n }, (_, i) => vectors[order[column] * size + i]);
    const largest = row.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    for (let i = 0; i < n; i++) eigenvectors[i * n + column] = largest < 0 ? -row[i] : row[i];
  }
  return eigenvectors;
}
