/** @file Eigenvectors as rows by ascending value → columns by descending value, each with the sign that makes its largest component positive. */
import type { WriteVectors } from './shared_work.ts';

/** Side of the squares that are turned at a time: lines of both matrices stay in the cache. */
export const SQUARE = 16;

/** Columns `start … end`, of whole squares where others write beside them; rounded where they are f32. */
export function writeVectors(task: WriteVectors, start: number, end: number): void {
  const { z, count, n } = task;
  const columns = task.doubles ?? task.singles;
  if (!columns) throw new RangeError('The vectors have no place.');
  const signs = new Float64Array(SQUARE);
  for (let first = start; first < end; first += SQUARE) {
    const last = Math.min(end, first + SQUARE);
    for (let j = first; j < last; j++) {
      const from = (count - 1 - j) * n;
      let [most, least] = [0, 0];
      let [most_at, least_at] = [n, n];
      for (let i = 0; i < n; i++) {
        const value = z[from + i];
        if (value > most) {
          most = value;
          most_at = i;
        } else if (value < least) {
          least = value;
          least_at = i;
        }
      }
      // Of two that are equally large the first counts.
      const isNegative = -least > most || (-least === most && least_at < most_at);
      signs[j - first] = isNegative ? -1 : 1;
    }
    for (let row0 = 0; row0 < n; row0 += SQUARE) {
      const row_end = Math.min(n, row0 + SQUARE);
      for (let j = first; j < last; j++) {
        const from = (count - 1 - j) * n;
        const sign = signs[j - first];
        for (let row = row0; row < row_end; row++) columns[row * count + j] = sign * z[from + row];
      }
    }
  }
}
