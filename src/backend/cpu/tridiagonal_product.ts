/** @file f64 twin of shaders/tridiagonal_product.wgsl. */

/** Columns of V, and of W, in the panel. */
export const PANEL = 32;

export interface PanelProducts {
  /** A·x (size); up to `column` it means nothing. */
  along: Float64Array;
  /** Vᵀx, then Wᵀx, (64); those of columns that are not there yet are zero. */
  across: Float64Array;
  /** ‖x‖² without row `column + 1`. */
  tail: number;
}

/**
 * @param matrix (size, size) symmetric, of which the upper triangle is read. @param panel (size, 64): a row of V, then of
 * W. @param x (size), zero up to `column`. @param done Columns of the panel that are there.
 */
export function tridiagonal_product(
  matrix: ArrayLike<number>,
  panel: ArrayLike<number>,
  x: ArrayLike<number>,
  size: number,
  column: number,
  done: number,
): PanelProducts {
  const along = new Float64Array(size);
  const across = new Float64Array(2 * PANEL);
  let tail = 0;
  for (let row = column + 1; row < size; row++) {
    for (let c = column + 1; c < size; c++) along[c] += matrix[Math.min(row, c) * size + Math.max(row, c)] * x[row];
    for (let k = 0; k < done; k++) {
      across[k] += panel[row * 2 * PANEL + k] * x[row];
      across[PANEL + k] += panel[row * 2 * PANEL + PANEL + k] * x[row];
    }
    if (row > column + 1) tail += x[row] * x[row];
  }
  return { along, across, tail };
}
