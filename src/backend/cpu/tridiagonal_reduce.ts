/** @file f64 twin of shaders/tridiagonal_reduce.wgsl. */
import { PANEL, type PanelProducts } from './tridiagonal_product.ts';

export interface Reflector {
  tau: number;
  /** What x becomes in row `column + 1`: the off-diagonal entry. */
  beta: number;
  /** (size). */
  v: Float64Array;
  /** A·v (size). */
  along: Float64Array;
  /** Vᵀv, then Wᵀv (64). */
  across: Float64Array;
  /** Row `column + 1` of V, then of W (64). */
  row: Float64Array;
}

const NEGLIGIBLE = 1e-30;

/** The reflector that takes x to (beta, 0, …) below `column`, and its products with A, V and W. */
export function tridiagonal_reduce(
  matrix: ArrayLike<number>,
  panel: ArrayLike<number>,
  x: ArrayLike<number>,
  products: PanelProducts,
  size: number,
  column: number,
  done: number,
): Reflector {
  const pivot = column + 1;
  const isTurned = products.tail > NEGLIGIBLE;
  const length = Math.sqrt(x[pivot] ** 2 + products.tail);
  const beta = isTurned ? (x[pivot] < 0 ? length : -length) : x[pivot];
  const inverse = isTurned ? 1 / (x[pivot] - beta) : 0;
  const v = new Float64Array(size);
  const along = new Float64Array(size);
  for (let i = pivot; i < size; i++) {
    v[i] = x[i] * inverse;
    along[i] = (products.along[i] - beta * matrix[pivot * size + i]) * inverse;
  }
  v[pivot] = isTurned ? 1 : 0;
  const row = new Float64Array(2 * PANEL);
  for (let k = 0; k < done; k++) {
    row[k] = panel[pivot * 2 * PANEL + k];
    row[PANEL + k] = panel[pivot * 2 * PANEL + PANEL + k];
  }
  const across = products.across.map((value, k) => (value - beta * row[k]) * inverse);
  return { tau: isTurned ? (beta - x[pivot]) / beta : 0, beta, v, along, across, row };
}
