/** @file f64 twin of shaders/tridiagonal_column.wgsl. */
import { PANEL } from './tridiagonal_product.ts';
import type { Reflector } from './tridiagonal_reduce.ts';

export interface UpdatedColumn {
  /** (size): H·A·H = A − v·wᵀ − w·vᵀ; zero above `column`. */
  w: Float64Array;
  /** (size): the column below the diagonal; zero up to it. */
  x: Float64Array;
  diagonal: number;
}

/**
 * @param matrix (size, size) symmetric; row `column` is read. @param panel (size, 64), of which `done − 1` columns of V and
 * of W are there. @param last The reflector of column `column − 1`, which becomes the next; without it `done` is 0.
 */
export function tridiagonal_column(
  matrix: ArrayLike<number>,
  panel: ArrayLike<number>,
  last: Reflector | undefined,
  size: number,
  column: number,
  done: number,
): UpdatedColumn {
  const w = new Float64Array(size);
  const next = Float64Array.from({ length: size }, (_, r) => matrix[column * size + r]);
  if (last) {
    const { v, along, across, row, tau } = last;
    const p = along.slice();
    for (let r = column; r < size; r++) {
      for (let k = 0; k < done - 1; k++) {
        const V = panel[r * 2 * PANEL + k];
        const W = panel[r * 2 * PANEL + PANEL + k];
        p[r] -= V * across[PANEL + k] + W * across[k];
        next[r] -= V * row[PANEL + k] + W * row[k];
      }
    }
    const quadratic = p.reduce((sum, value, r) => sum + value * v[r], 0);
    for (let r = column; r < size; r++) w[r] = tau * (p[r] - 0.5 * tau * quadratic * v[r]);
    for (let r = column; r < size; r++) next[r] -= v[r] * w[column] + w[r] * v[column];
  }
  return { w, x: next.map((value, r) => (r > column ? value : 0)), diagonal: next[column] };
}
