/** @file How much of a linear's output a change loses, in one figure that all methods share. */
import type { TapStatistics } from '../../statistics/statistics.ts';
import type { UnitReport } from '../method.ts';

/** Rows that the Gram's figure is taken over at most, evenly spaced: all of them would cost as much as the method. */
const MOST_ROWS = 48;

type Figure = Pick<UnitReport, 'error' | 'measured'>;

/** @param W, V (rows, columns): before and after. */
export function unitError(
  W: ArrayLike<number>,
  V: ArrayLike<number>,
  rows: number,
  columns: number,
  { gram, diagonal }: Pick<TapStatistics, 'gram' | 'diagonal'>,
): Figure {
  if (gram) return gramError(W, V, rows, columns, gram);
  let lost = 0;
  let whole = 0;
  for (let i = 0; i < rows * columns; i++) {
    const weight = diagonal ? diagonal[i % columns] : 1;
    lost += weight * (V[i] - W[i]) ** 2;
    whole += weight * W[i] * W[i];
  }
  return { error: share(lost, whole), measured: diagonal ? 'diagonal' : 'weights' };
}

function gramError(W: ArrayLike<number>, V: ArrayLike<number>, rows: number, n: number, G: Float64Array): Figure {
  const count = Math.min(rows, MOST_ROWS);
  let lost = 0;
  let whole = 0;
  const w = new Float64Array(n);
  const d = new Float64Array(n);
  for (let k = 0; k < count; k++) {
    const start = Math.floor((k * rows) / count) * n;
    for (let i = 0; i < n; i++) {
      w[i] = W[start + i];
      d[i] = V[start + i] - w[i];
    }
    for (let i = 0; i < n; i++) {
      let wg = 0;
      let dg = 0;
      for (let j = 0, at = i * n; j < n; j++, at++) {
        wg += G[at] * w[j];
        dg += G[at] * d[j];
      }
      whole += w[i] * wg;
      lost += d[i] * dg;
    }
  }
  return { error: share(lost, whole), measured: 'gram' };
}

function share(lost: number, whole: number): number {
  return whole > 0 ? lost / whole : 0;
}
