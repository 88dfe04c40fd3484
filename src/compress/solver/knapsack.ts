/**
 * @file One choice for each matrix so that the sum of costs is least and the sum of bytes stays within a budget: the
 * multiple-choice knapsack problem, by dynamic programming over bytes (Kellerer, Pferschy & Pisinger, *Knapsack Problems*, ch. 11).
 */
import { WhittleError } from '../../errors/errors.ts';

export interface Choice {
  readonly bytes: number;
  /** What it does harm: KL divergence when this matrix alone is changed so. */
  readonly cost: number;
}

export interface Solution {
  /** For each matrix the index of its choice. */
  readonly picks: readonly number[];
  readonly bytes: number;
  readonly cost: number;
}

/** Steps that a budget is divided into; bytes are rounded up to them, so that a solution never exceeds it. */
const STEPS = 1 << 16;

/**
 * @param matrices The choices of each matrix; at least one each.
 * @param budget Bytes for all matrices together.
 * @throws `bad_option` where the smallest choices together exceed the budget.
 */
export function knapsack(matrices: readonly (readonly Choice[])[], budget: number): Solution {
  const least = matrices.reduce((sum, choices) => sum + Math.min(...choices.map(({ bytes }) => bytes)), 0);
  if (least > budget) {
    throw new WhittleError({
      code: 'bad_option',
      message: `The smallest choice of every matrix makes ${least} bytes, and at most ${budget} are wanted.`,
      place: { field: 'target-size' },
      allowed: `${least} bytes or more`,
      action: 'Name a larger target.',
    });
  }
  // What must be there anyway is taken out, so that steps divide only what is left to choose.
  const floors = matrices.map((choices) => Math.min(...choices.map(({ bytes }) => bytes)));
  const room = budget - least;
  const most = matrices.reduce(
    (sum, choices, i) => sum + Math.max(...choices.map(({ bytes }) => bytes)) - floors[i],
    0,
  );
  const step = Math.max(1, Math.min(room, most) / STEPS);
  const size = Math.floor(Math.min(room, most) / step) + 1;
  let costs = new Float64Array(size);
  const picked = matrices.map((choices, i) => {
    const next = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    const pick = new Uint8Array(size);
    choices.forEach(({ bytes, cost }, choice) => {
      const weight = Math.ceil((bytes - floors[i]) / step - 1e-9);
      for (let at = weight; at < size; at++) {
        const total = costs[at - weight] + cost;
        if (total < next[at]) {
          next[at] = total;
          pick[at] = choice;
        }
      }
    });
    costs = next;
    return pick;
  });
  let at = size - 1;
  const picks = new Array<number>(matrices.length);
  for (let i = matrices.length - 1; i >= 0; i--) {
    picks[i] = picked[i][at];
    at -= Math.ceil((matrices[i][picks[i]].bytes - floors[i]) / step - 1e-9);
  }
  return summed(matrices, picks);
}

/** Rounding up leaves a little room: whatever still fits and costs less is taken, the best a byte first. */
export function fillUp(matrices: readonly (readonly Choice[])[], solution: Solution, budget: number): Solution {
  const picks = [...solution.picks];
  let { bytes } = solution;
  for (;;) {
    let best: { matrix: number; choice: number; rate: number; more: number } | undefined;
    matrices.forEach((choices, matrix) => {
      const now = choices[picks[matrix]];
      choices.forEach((candidate, choice) => {
        const more = candidate.bytes - now.bytes;
        const gain = now.cost - candidate.cost;
        if (!(gain > 0) || bytes + more > budget) return;
        const rate = more > 0 ? gain / more : Number.POSITIVE_INFINITY;
        if (!best || rate > best.rate) best = { matrix, choice, rate, more };
      });
    });
    if (!best) return summed(matrices, picks);
    picks[best.matrix] = best.choice;
    bytes += best.more;
  }
}

function summed(matrices: readonly (readonly Choice[])[], picks: readonly number[]): Solution {
  const chosen = picks.map((choice, i) => matrices[i][choice]);
  return {
    picks,
    bytes: chosen.reduce((sum, { bytes }) => sum + bytes, 0),
    cost: chosen.reduce((sum, { cost }) => sum + cost, 0),
  };
}
