/** @file f64 twin of shaders/jacobi_solve.wgsl: cyclic Jacobi on one 32×32 subproblem. */
import { meeting, PAIR } from './jacobi_meeting.ts';

export interface SolvedSubproblem {
  /** (32, 32): WᵀSW. */
  subproblem: Float64Array;
  /** (32, 32): W, its columns by descending diagonal of WᵀSW. */
  rotation: Float64Array;
  rotations: number;
}

/** Turns columns p and q of a (32, 32) matrix by (c, s). */
function turnColumns(values: Float64Array, p: number, q: number, c: number, s: number): void {
  for (let row = 0; row < PAIR; row++) {
    const x = values[row * PAIR + p];
    const y = values[row * PAIR + q];
    values[row * PAIR + p] = c * x - s * y;
    values[row * PAIR + q] = s * x + c * y;
  }
}

function turnRows(values: Float64Array, p: number, q: number, c: number, s: number): void {
  for (let column = 0; column < PAIR; column++) {
    const x = values[p * PAIR + column];
    const y = values[q * PAIR + column];
    values[p * PAIR + column] = c * x - s * y;
    values[q * PAIR + column] = s * x + c * y;
  }
}

/**
 * @param given (32, 32) symmetric. Entries up to `threshold`, or up to `scaled_threshold`·√|a_ii·a_jj|, are not rotated
 * away. Golub & Van Loan §8.5.
 */
export function jacobi_solve(
  given: ArrayLike<number>,
  inner_sweeps: number,
  threshold: number,
  scaled_threshold: number,
): SolvedSubproblem {
  const subproblem = Float64Array.from(given);
  const turned = new Float64Array(PAIR * PAIR);
  for (let i = 0; i < PAIR; i++) turned[i * PAIR + i] = 1;
  let rotations = 0;
  for (let step = 0; step < inner_sweeps * (PAIR - 1); step++) {
    // The 16 rotations of a step touch disjoint rows and columns, so one after the other is the same as all at once.
    for (let pair = 0; pair < PAIR / 2; pair++) {
      const [p, q] = meeting(PAIR, step % (PAIR - 1), pair);
      const off = subproblem[p * PAIR + q];
      const [low, high] = [subproblem[p * PAIR + p], subproblem[q * PAIR + q]];
      if (Math.abs(off) <= Math.max(threshold, scaled_threshold * Math.sqrt(Math.abs(low * high)))) continue;
      const theta = (high - low) / (2 * off);
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
      const c = 1 / Math.hypot(t, 1);
      turnRows(subproblem, p, q, c, t * c);
      turnColumns(subproblem, p, q, c, t * c);
      turnColumns(turned, p, q, c, t * c);
      rotations++;
    }
  }
  const order = Array.from({ length: PAIR }, (_, i) => i);
  if (rotations > 0) order.sort((i, j) => subproblem[j * PAIR + j] - subproblem[i * PAIR + i] || i - j);
  const pick = (values: Float64Array, row: (i: number) => number): Float64Array =>
    values.map((_, at) => values[row(Math.floor(at / PAIR)) * PAIR + order[at % PAIR]]);
  return { subproblem: pick(subproblem, (i) => order[i]), rotation: pick(turned, (i) => i), rotations };
}
