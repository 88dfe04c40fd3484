/** @file f64 twin of shaders/jacobi_rows.wgsl: one pass of a round over rows. */
import { PAIR, subproblemRows } from './jacobi_meeting.ts';

/**
 * The rows of each pair of blocks become Wᵀ·rows: rotations (pairs, 32, 32), matrix (size, size). Turning the rows, then
 * the rows of the transpose, is A ← Wᵀ·A·W.
 */
export function jacobi_rows(
  matrix: ArrayLike<number>,
  size: number,
  rotations: ArrayLike<number>,
  round: number,
): Float64Array {
  const turned = new Float64Array(size * size);
  for (let pair = 0; pair < size / PAIR; pair++) {
    const rows = subproblemRows(size, round, pair);
    for (let r = 0; r < PAIR; r++) {
      for (let k = 0; k < PAIR; k++) {
        const w = rotations[(pair * PAIR + k) * PAIR + r];
        for (let column = 0; column < size; column++) {
          turned[rows[r] * size + column] += w * matrix[rows[k] * size + column];
        }
      }
    }
  }
  return turned;
}
