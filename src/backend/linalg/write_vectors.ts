/** @file Eigenvectors as rows by ascending value → columns by descending value, each with the sign that makes its largest component positive. */
import type { AddProduct } from './gemm.ts';
import type { WriteVectors } from './shared_work.ts';
import { kernelOf, SQUARE } from './turn.ts';
import { EXTREMES } from './turn_kernel.ts';

/** Numbers for each vector, of an even number of them: its sign, and what a kernel finds of it. */
export const VECTOR_SCRATCH = 1 + EXTREMES;

/** Columns `start … end`, of whole squares where others write beside them; rounded where they are f32. */
export function writeVectors(task: WriteVectors, start: number, end: number, multiply?: AddProduct): void {
  const { z, count, n, scratch } = task;
  const columns = task.doubles ?? task.singles;
  if (!columns) throw new RangeError('The vectors have no place.');
  const kernel = kernelOf(multiply, z, columns, scratch);
  const width = columns.BYTES_PER_ELEMENT;
  const turn = columns instanceof Float32Array ? kernel?.turn_single : kernel?.turn;
  // Signs in front, so that two of them are a vector.
  const found = scratch.subarray(count + (count % 2));
  for (let first = start; first < end; first += SQUARE) {
    const last = Math.min(end, first + SQUARE);
    for (let j = first; j < last; j++) {
      const vector = z.subarray((count - 1 - j) * n, (count - j) * n);
      const extremes = found.subarray(j * EXTREMES, (j + 1) * EXTREMES);
      if (kernel && n % 2 === 0) kernel.extremes(vector.byteOffset, 8 * n, extremes.byteOffset);
      scratch[j] = signOf(vector, kernel && n % 2 === 0 ? extremes : undefined);
    }
    for (let row0 = 0; row0 < n; row0 += SQUARE) {
      const row_end = Math.min(n, row0 + SQUARE);
      if (turn && (last - first) % 2 === 0 && (row_end - row0) % 2 === 0) {
        const from = z.byteOffset + 8 * ((count - 1 - first) * n + row0);
        const to = columns.byteOffset + width * (row0 * count + first);
        const signs = scratch.byteOffset + 8 * first;
        turn(from, -8 * n, to, width * count, 8 * (last - first), 8 * (row_end - row0), signs);
        continue;
      }
      for (let j = first; j < last; j++) {
        const from = (count - 1 - j) * n;
        const sign = scratch[j];
        for (let row = row0; row < row_end; row++) columns[row * count + j] = sign * z[from + row];
      }
    }
  }
}

/** @param extremes Of the vector, where a kernel found them. */
function signOf(vector: Float64Array, extremes: Float64Array | undefined): -1 | 1 {
  if (extremes) {
    const most = Math.max(extremes[0], extremes[1]);
    const least = Math.min(extremes[2], extremes[3]);
    if (-least !== most) return -least > most ? -1 : 1;
  }
  let [most, least] = [0, 0];
  let [most_at, least_at] = [vector.length, vector.length];
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i];
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
  return isNegative ? -1 : 1;
}
