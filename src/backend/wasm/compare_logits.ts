/** @file Two models' logits of some tokens, compared: maxima, sums of exponentials and what a divergence needs, in f64. */
import { COMPARED } from '../compared_logits.ts';
import type { DoubleExp } from './double_exp.ts';

export interface CompareLogitsTask {
  /** (rows, n). */
  dense: Float32Array;
  own: Float32Array;
  n: number;
  first_column: number;
  target_ids: Uint32Array;
  /** (rows, COMPARED). */
  state: Float64Array;
}

/** Places in a row of the state: maximum, where it is, sum of exponentials, the target's logit. */
const [MAXIMUM, BEST, SUM, TARGET] = [0, 1, 2, 3];
const [DENSE, OWN, WEIGHTED] = [0, 4, 8];

/** Rows `start … end`. */
export function compareRows(math: DoubleExp, task: CompareLogitsTask, start: number, end: number): void {
  const { n, first_column, dense, own, target_ids, state } = task;
  for (let row = start; row < end; row++) {
    const at = row * COMPARED;
    if (first_column === 0) {
      state.fill(0, at, at + COMPARED);
      for (const side of [DENSE, OWN]) state[at + side + MAXIMUM] = Number.NEGATIVE_INFINITY;
    }
    const from = row * n;
    const scaled = rescale(state, at + DENSE, dense, from, n, first_column);
    rescale(state, at + OWN, own, from, n, first_column);
    const [shift_a, shift_b] = [state[at + DENSE + MAXIMUM], state[at + OWN + MAXIMUM]];
    const { sum_a, sum_b, weighted } = math.compare(dense, own, from, from + n, shift_a, shift_b);
    state[at + DENSE + SUM] += sum_a;
    state[at + OWN + SUM] += sum_b;
    state[at + WEIGHTED] = state[at + WEIGHTED] * scaled + weighted;
    const target = target_ids[row] - first_column;
    if (target < 0 || target >= n) continue;
    state[at + DENSE + TARGET] = dense[from + target];
    state[at + OWN + TARGET] = own[from + target];
  }
}

/** Moves a side to the maximum that the block brings; gives the factor that its sums were multiplied by. */
function rescale(state: Float64Array, at: number, logits: Float32Array, from: number, n: number, first: number) {
  const before = state[at + MAXIMUM];
  let maximum = before;
  let best = -1;
  for (let i = 0; i < n; i++) {
    const logit = logits[from + i];
    if (logit > maximum) {
      maximum = logit;
      best = i;
    }
  }
  if (best < 0) return 1;
  const factor = Math.exp(before - maximum);
  state[at + MAXIMUM] = maximum;
  state[at + BEST] = first + best;
  state[at + SUM] *= factor;
  return factor;
}
