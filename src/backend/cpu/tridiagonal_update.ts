/** @file f64 twin of shaders/tridiagonal_update.wgsl and tridiagonal_update_subgroup.wgsl. */

export interface UpdateSizes {
  size: number;
  first_row: number;
  first_column: number;
  k_count: number;
  left_stride: number;
  left_column: number;
  right_stride: number;
  right_shift: number;
}

/** target[r, c] − Σ_k left[r, left_column + k]·right[c, (k + right_shift) mod k_count] from the first row and column on. */
export function tridiagonal_update(
  target: ArrayLike<number>,
  left: ArrayLike<number>,
  right: ArrayLike<number>,
  sizes: UpdateSizes,
): Float64Array {
  const { size, first_row, first_column, k_count, left_stride, left_column, right_stride, right_shift } = sizes;
  const updated = Float64Array.from(target);
  for (let r = first_row; r < size; r++) {
    for (let c = first_column; c < size; c++) {
      for (let k = 0; k < k_count; k++) {
        const other = right[c * right_stride + ((k + right_shift) % k_count)];
        updated[r * size + c] -= left[r * left_stride + left_column + k] * other;
      }
    }
  }
  return updated;
}
