/** @file The round-robin tournament of block Jacobi, as shaders/jacobi_*.wgsl compute it. */

export const BLOCK = 16;
/** Rows of a subproblem: two blocks. */
export const PAIR = 2 * BLOCK;

/** Who meets as `pair` of `round`, ascending: the last player stays, the others move round a circle. */
export function meeting(players: number, round: number, pair: number): [low: number, high: number] {
  const others = players - 1;
  const a = pair === 0 ? others : (round + pair) % others;
  const b = (round + others - pair) % others;
  return [Math.min(a, b), Math.max(a, b)];
}

/** The rows of a matrix of `size` rows that the 32 rows of a subproblem are. */
export function subproblemRows(size: number, round: number, pair: number): number[] {
  return meeting(size / BLOCK, round, pair).flatMap((block) =>
    Array.from({ length: BLOCK }, (_, i) => block * BLOCK + i),
  );
}
