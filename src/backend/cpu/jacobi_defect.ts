/** @file f64 twin of shaders/jacobi_defect.wgsl. */

/** ½·(I − gram), (size, size). */
export function jacobi_defect(gram: ArrayLike<number>, size: number): Float64Array {
  return Float64Array.from(gram, (value, at) => 0.5 * ((at % (size + 1) === 0 ? 1 : 0) - value));
}
