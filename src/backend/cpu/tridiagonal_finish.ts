/** @file f64 twin of shaders/tridiagonal_finish.wgsl. */

/** The first n rows and columns of (size, size), each column with the sign that makes its largest component positive. */
export function tridiagonal_finish(turned: ArrayLike<number>, n: number, size: number): Float64Array {
  const eigenvectors = new Float64Array(n * n);
  for (let column = 0; column < n; column++) {
    let largest = 0;
    for (let row = 0; row < n; row++) {
      const value = turned[row * size + column];
      if (Math.abs(value) > Math.abs(largest)) largest = value;
    }
    for (let row = 0; row < n; row++) {
      eigenvectors[row * n + column] = (largest < 0 ? -1 : 1) * turned[row * size + column];
    }
  }
  return eigenvectors;
}
