/** @file Which weights are dropped: the lowest scores of a matrix, of each output row, or n of every m inputs of a row. */
import { pulse } from '../../pulse/pulse.ts';

/** `2:4`: of every 4 consecutive inputs of a row, 2 are dropped. */
export interface Pattern {
  readonly n: number;
  readonly m: number;
}

export type MaskScope = 'matrix' | 'row' | Pattern;

/**
 * 1 where a weight is dropped. Ties go by index: of equal scores the first goes first. Exactly floor(share · count) are
 * dropped in each scope.
 * @param scores (rows, columns).
 */
export function lowestScores(
  scores: Float64Array,
  rows: number,
  columns: number,
  share: number,
  scope: MaskScope,
): Uint8Array {
  const dropped = new Uint8Array(rows * columns);
  if (scope === 'matrix') {
    dropLowest(scores, dropped, 0, scores.length, Math.floor(scores.length * share));
    return dropped;
  }
  for (let row = 0; row < rows; row++) {
    pulse();
    const base = row * columns;
    if (scope === 'row') {
      dropLowest(scores, dropped, base, columns, Math.floor(columns * share));
      continue;
    }
    for (let start = 0; start < columns; start += scope.m) {
      const count = Math.min(scope.m, columns - start);
      dropLowest(scores, dropped, base + start, count, Math.floor((scope.n * count) / scope.m));
    }
  }
  return dropped;
}

/** Marks the `count` lowest of `length` scores from `start` on. */
export function dropLowest(
  scores: ArrayLike<number>,
  dropped: Uint8Array,
  start: number,
  length: number,
  count: number,
): void {
  const indices = Uint32Array.from({ length }, (_, i) => start + i);
  indices.sort((a, b) => scores[a] - scores[b] || a - b);
  for (let i = 0; i < count; i++) dropped[indices[i]] = 1;
}

/** W with the marked weights set to 0. */
export function withoutDropped(W: Float64Array, dropped: Uint8Array): Float64Array {
  return W.map((value, i) => (dropped[i] ? 0 : value));
}

/** |W|: magnitude pruning (Han et al., arXiv 1506.02626). */
export function magnitudeScores(W: Float64Array): Float64Array {
  return W.map(Math.abs);
}

/** |W_ij|·‖X_j‖: Wanda (arXiv 2306.11695, eq. 1). @param diagonal (columns): Σ x_j². */
export function wandaScores(W: Float64Array, columns: number, diagonal: ArrayLike<number>): Float64Array {
  const norms = Float64Array.from(diagonal, Math.sqrt);
  return W.map((value, i) => Math.abs(value) * norms[i % columns]);
}
