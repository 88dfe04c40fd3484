/** @file CPU twin of `divergence`: a block of the vocabulary of KL or JSD between two softmaxes, and of Σ q·a. */
import { checkDivergence } from '../shapes.ts';
import type { DivergenceArgs, DivergenceKind } from '../training_kernels.ts';
import { type Floats, floats } from './tensor.ts';

/** log Σ exp of a row's logits. */
export function logSum(state: Floats, row: number): number {
  return state[row * 4] + Math.log(state[row * 4 + 1]);
}

/** ln of β·e^p + (1 − β)·e^q, for p, q ≤ 0. */
export function logMixture(p: number, q: number, beta: number): number {
  const high = Math.max(p, q);
  return high + Math.log(beta * Math.exp(p - high) + (1 - beta) * Math.exp(q - high));
}

export interface DivergenceRows {
  kind: DivergenceKind;
  beta: number;
  n: number;
  teacher: Floats;
  student: Floats;
  teacher_state: Floats;
  student_state: Floats;
  sums: Floats;
}

export function divergence(args: DivergenceArgs): void {
  const { rows, ...task } = divergenceRows(args);
  divergenceRange(task, 0, rows);
}

/** The kernel as work on rows. */
export function divergenceRows(args: DivergenceArgs): DivergenceRows & { rows: number } {
  const { rows, n } = checkDivergence('divergence', args);
  const { kind, beta = 0.5 } = args;
  return {
    ...{ rows, n, kind, beta, teacher: floats(args.teacher), student: floats(args.student), sums: floats(args.sums) },
    ...{ teacher_state: floats(args.teacher_state), student_state: floats(args.student_state) },
  };
}

export function divergenceRange(task: DivergenceRows, start: number, end: number): void {
  const { kind, beta, n, teacher, student, teacher_state, student_state, sums } = task;
  for (let row = start; row < end; row++) {
    const [teacher_log, student_log] = [logSum(teacher_state, row), logSum(student_state, row)];
    let total = 0;
    let slope = 0;
    for (let i = row * n; i < (row + 1) * n; i++) {
      const [p, q] = [teacher[i] - teacher_log, student[i] - student_log];
      if (kind === 'forward_kl') {
        total += Math.exp(p) * (p - q);
        slope -= Math.exp(p);
      } else if (kind === 'reverse_kl') {
        total += Math.exp(q) * (q - p);
        slope += Math.exp(q) * (q - p);
      } else {
        const m = logMixture(p, q, beta);
        const own = (1 - beta) * Math.exp(q) * (q - m);
        total += beta * Math.exp(p) * (p - m) + own;
        slope += own;
      }
    }
    sums[2 * row] += total;
    sums[2 * row + 1] += slope;
  }
}
