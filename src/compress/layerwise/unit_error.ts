/** @file How much of a linear's output a change loses, in one figure that all methods share. */
import { type AddProduct, addProduct, view } from '../../backend/linalg/gemm.ts';
import type { TapStatistics } from '../../statistics/statistics.ts';
import type { UnitReport } from '../method.ts';

/** Rows that the Gram's figure is taken over at most, evenly spaced: all of them would cost as much as the method. */
const MOST_ROWS = 48;

type Figure = Pick<UnitReport, 'error' | 'measured'>;

/** The rows that {@link unitError} looks at, in order; absent: all. */
export function measuredRows(rows: number, { gram }: Pick<TapStatistics, 'gram'>): number[] | undefined {
  if (!gram || rows <= MOST_ROWS) return undefined;
  return Array.from({ length: MOST_ROWS }, (_, k) => Math.floor((k * rows) / MOST_ROWS));
}

/** @param W, V (rows, columns): before and after, all rows or those of {@link measuredRows}. @param multiply A backend's own products. */
export function unitError(
  W: ArrayLike<number>,
  V: ArrayLike<number>,
  rows: number,
  columns: number,
  { gram, diagonal }: Pick<TapStatistics, 'gram' | 'diagonal'>,
  multiply: AddProduct = addProduct,
): Figure {
  if (gram) return gramError(W, V, rows, columns, gram, multiply);
  let lost = 0;
  let whole = 0;
  for (let i = 0; i < rows * columns; i++) {
    const weight = diagonal ? diagonal[i % columns] : 1;
    lost += weight * (V[i] - W[i]) ** 2;
    whole += weight * W[i] * W[i];
  }
  return { error: share(lost, whole), measured: diagonal ? 'diagonal' : 'weights' };
}

function gramError(
  W: ArrayLike<number>,
  V: ArrayLike<number>,
  rows: number,
  n: number,
  G: Float64Array,
  multiply: AddProduct,
): Figure {
  const count = Math.min(rows, MOST_ROWS);
  // Rows of W, then those of V − W, and what the Gram makes of both.
  const X = new Float64Array(2 * count * n);
  for (let k = 0; k < count; k++) {
    const start = Math.floor((k * rows) / count) * n;
    for (let i = 0; i < n; i++) {
      X[k * n + i] = W[start + i];
      X[(count + k) * n + i] = V[start + i] - W[start + i];
    }
  }
  const XG = new Float64Array(X.length);
  multiply(2 * count, n, n, view(X, n), view(G, n), view(XG, n));
  let whole = 0;
  let lost = 0;
  for (let i = 0; i < count * n; i++) whole += X[i] * XG[i];
  for (let i = count * n; i < X.length; i++) lost += X[i] * XG[i];
  return { error: share(lost, whole), measured: 'gram' };
}

function share(lost: number, whole: number): number {
  return whole > 0 ? lost / whole : 0;
}
