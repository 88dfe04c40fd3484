/**
 * @file Losses at the head and their gradients, a row after another, by vector exponentials where nothing but those is needed;
 * other kinds as their twins have them.
 */

import type { CompareLogitsRows } from '../cpu/compare_logits.ts';
import { type CrossEntropyBackwardRows, crossEntropyBackwardRange } from '../cpu/cross_entropy_backward.ts';
import { type DivergenceRows, divergenceRange, logSum } from '../cpu/divergence.ts';
import { type DivergenceBackwardRows, divergenceBackwardRange } from '../cpu/divergence_backward.ts';
import type { Floats } from '../cpu/tensor.ts';
import type { TaskTools } from './task_tools.ts';

/** Arrays of tasks are f32. */
export type Singles<T> = {
  [K in keyof T]: [Extract<T[K], Floats>] extends [never] ? T[K] : Float32Array | Exclude<T[K], Floats>;
};

export interface CrossEntropyTask {
  n: number;
  first_column: number;
  logits: Float32Array;
  target_ids: Uint32Array;
  state: Float32Array;
}

/** As the f64 twin has it: the running maximum, the sum of exponentials, the target's logit. */
export function crossEntropySums({ math }: TaskTools, task: CrossEntropyTask, start: number, end: number) {
  const { n, first_column, logits, target_ids, state } = task;
  for (let row = start; row < end; row++) {
    const from = row * n;
    let maximum = math.largest(logits, from, from + n);
    let sum = 0;
    if (first_column === 0) {
      state[row * 4 + 2] = 0;
    } else {
      maximum = Math.max(state[row * 4], maximum);
      sum = state[row * 4 + 1] * Math.exp(state[row * 4] - maximum);
    }
    sum += math.expSum(logits, from, from + n, maximum, false);
    state[row * 4] = maximum;
    state[row * 4 + 1] = sum;
    const target = target_ids[row] - first_column;
    if (target >= 0 && target < n) state[row * 4 + 2] = logits[from + target];
  }
}

/** As the f64 twin has it; the most likely tokens are looked for only where this block has them. */
export function comparedLogits(
  { logits }: TaskTools,
  task: Singles<CompareLogitsRows>,
  start: number,
  end: number,
): void {
  const { n, first_column, dense, own, dense_state, own_state, state } = task;
  const placeIn = (values: Float32Array, row: number, maximum: number) =>
    first_column + values.subarray(row * n, (row + 1) * n).indexOf(maximum);
  for (let row = start; row < end; row++) {
    const at = 8 * row;
    const [maximum, own_maximum] = [dense_state[4 * row], own_state[4 * row]];
    const isFirst = first_column === 0;
    const shift = isFirst ? own_maximum - maximum : state[at + 6];
    const rescaled = isFirst ? 0 : Math.exp(state[at] - maximum);
    const { moved, excess } = logits.divergence(dense, own, row * n, (row + 1) * n, maximum, shift);
    if (isFirst || maximum > state[at]) state[at + 2] = placeIn(dense, row, maximum);
    if (isFirst || own_maximum > state[at + 1]) state[at + 3] = placeIn(own, row, own_maximum);
    state[at] = maximum;
    state[at + 1] = own_maximum;
    state[at + 4] = (isFirst ? 0 : state[at + 4] * rescaled) + moved;
    state[at + 5] = (isFirst ? 0 : state[at + 5] * rescaled) + excess;
    state[at + 6] = shift;
    state[at + 7] = 0;
  }
}

export function crossEntropyGradients(
  { math }: TaskTools,
  task: Singles<CrossEntropyBackwardRows>,
  start: number,
  end: number,
): void {
  const { n, first_column, factor, soft_cap, logits, state, weights, target_ids } = task;
  if (soft_cap !== undefined) {
    crossEntropyBackwardRange(task, start, end);
    return;
  }
  for (let row = start; row < end; row++) {
    const scale = weights[row] * factor;
    const from = row * n;
    if (scale === 0) {
      logits.fill(0, from, from + n);
      continue;
    }
    math.scaledExp(logits, from, from + n, state[row * 4], scale / state[row * 4 + 1]);
    const target = target_ids[row] - first_column;
    if (target >= 0 && target < n) logits[from + target] -= scale;
  }
}

export function divergenceSums(tools: TaskTools, task: Singles<DivergenceRows>, start: number, end: number): void {
  const { kind, n, teacher, student, teacher_state, student_state, sums } = task;
  if (kind !== 'forward_kl') {
    divergenceRange(task, start, end);
    return;
  }
  for (let row = start; row < end; row++) {
    const from = row * n;
    const p = probabilities(tools, task, row);
    // ln p − ln q is teacher − student, but for what is the same along the row.
    const apart = logSum(teacher_state, row) - logSum(student_state, row);
    let total = 0;
    let all = 0;
    for (let i = 0; i < n; i++) {
      total += p[i] * (teacher[from + i] - student[from + i] - apart);
      all += p[i];
    }
    const share = 1 / teacher_state[row * 4 + 1];
    sums[2 * row] += total * share;
    sums[2 * row + 1] -= all * share;
  }
}

export function divergenceGradients(
  tools: TaskTools,
  task: Singles<DivergenceBackwardRows>,
  start: number,
  end: number,
): void {
  const { kind, n, student, teacher_state, student_state, weights, factor, soft_cap } = task;
  if (kind !== 'forward_kl' || soft_cap !== undefined) {
    divergenceBackwardRange(task, start, end);
    return;
  }
  for (let row = start; row < end; row++) {
    const scale = weights[row] * factor;
    const from = row * n;
    if (scale === 0) {
      student.fill(0, from, from + n);
      continue;
    }
    const p = probabilities(tools, task, row);
    tools.math.expSum(student, from, from + n, student_state[row * 4], true);
    const [own, theirs] = [scale / student_state[row * 4 + 1], scale / teacher_state[row * 4 + 1]];
    for (let i = 0; i < n; i++) student[from + i] = own * student[from + i] - theirs * p[i];
  }
}

/** Of the teacher's row, times their sum: in scratch, until it is asked for again. */
function probabilities(
  tools: TaskTools,
  { n, teacher, teacher_state }: Pick<Singles<DivergenceRows>, 'n' | 'teacher' | 'teacher_state'>,
  row: number,
): Float32Array {
  const p = tools.scores(n);
  p.set(teacher.subarray(row * n, (row + 1) * n));
  tools.math.expSum(p, 0, n, teacher_state[row * 4], true);
  return p;
}
