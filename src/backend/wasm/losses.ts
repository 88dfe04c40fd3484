/**
 * @file Losses at the head and their gradients, a row after another, by vector exponentials where nothing but those is needed;
 * other kinds as their twins have them.
 */
import { type CrossEntropyBackwardRows, crossEntropyBackwardRange } from '../cpu/cross_entropy_backward.ts';
import { type DivergenceRows, divergenceRange, logSum } from '../cpu/divergence.ts';
import { type DivergenceBackwardRows, divergenceBackwardRange } from '../cpu/divergence_backward.ts';
import type { Floats } from '../cpu/tensor.ts';
import type { TaskTools } from './tasks.ts';

/** Arrays of tasks are f32. */
export type Singles<T> = { [K in keyof T]: T[K] extends Floats ? Float32Array : T[K] };

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
    math.expSum(logits, from, from + n, state[row * 4], true);
    const share = scale / state[row * 4 + 1];
    for (let i = from; i < from + n; i++) logits[i] *= share;
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
