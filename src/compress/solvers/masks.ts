/** @file Which weights go, by scores: the lowest of a matrix, of each row, or n of every m inputs. Ties go to the lower index. */
import type { MaskRule } from '../options/sparsity.ts';

/** (rows, columns), 1 where a weight stays. @param whole The lowest of the whole matrix go; else of each row. */
export function keepHighest(
  scores: Float64Array,
  rows: number,
  columns: number,
  rule: MaskRule,
  whole: boolean,
): Uint8Array {
  const mask = new Uint8Array(scores.length).fill(1);
  const { share, pattern } = rule;
  if (pattern) {
    for (let row = 0; row < rows; row++) {
      for (let start = 0; start < columns; start += pattern.m) {
        const size = Math.min(pattern.m, columns - start);
        dropLowest(mask, scores, row * columns + start, size, Math.floor((pattern.n * size) / pattern.m));
      }
    }
  } else if (whole) {
    dropLowest(mask, scores, 0, scores.length, Math.floor(scores.length * share));
  } else {
    const gone = Math.floor(columns * share);
    for (let row = 0; row < rows; row++) dropLowest(mask, scores, row * columns, columns, gone);
  }
  return mask;
}

/** Clears the marks of the `count` lowest of `size` scores from `start` on; equal ones in the order of their indices. */
export function dropLowest(mask: Uint8Array, scores: Float64Array, start: number, size: number, count: number): void {
  if (count === 0) return;
  const part = scores.slice(start, start + size);
  const limit = part.slice().sort()[count - 1];
  let left = count;
  for (let i = 0; i < size; i++) if (part[i] < limit) left--;
  for (let i = 0; i < size; i++) {
    if (part[i] < limit) mask[start + i] = 0;
    else if (part[i] === limit && left > 0) {
      mask[start + i] = 0;
      left--;
    }
  }
}

/** Values with the mask applied, as they are packed. */
export function masked(W: Float64Array, mask: Uint8Array): Float64Array {
  return W.map((value, i) => (mask[i] ? value : 0));
}
