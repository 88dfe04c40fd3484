/** @file Twin of shaders/jacobi_summary.wgsl. */

/** Status words, then the bits of the diagonal of a (size, size) matrix. */
export function jacobi_summary(status: ArrayLike<number>, matrix: ArrayLike<number>, size: number): Uint32Array {
  const diagonal = Float32Array.from({ length: size }, (_, i) => matrix[i * size + i]);
  return Uint32Array.from([...Array.from(status), ...new Uint32Array(diagonal.buffer)]);
}
