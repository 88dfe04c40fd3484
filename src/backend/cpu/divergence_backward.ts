/** @file CPU twin of `divergence_backward`: q ⊙ (a − Σ q·a), in place of the student's logits. */
import { checkDivergenceBackward } from '../shapes.ts';
import type { DivergenceBackwardArgs } from '../training_kernels.ts';
import { type DivergenceRows, logMixture, logSum } from './divergence.ts';
import { type Floats, floats } from './tensor.ts';

export interface DivergenceBackwardRows extends DivergenceRows {
  weights: Floats;
  factor: number;
  soft_cap?: number;
}

export function divergence_backward(args: DivergenceBackwardArgs): void {
  const { rows, ...task } = divergenceBackwardRows(args);
  divergenceBackwardRange(task, 0, rows);
}

/** The kernel as work on rows. */
export function divergenceBackwardRows(args: DivergenceBackwardArgs): DivergenceBackwardRows & { rows: number } {
  const { rows, n } = checkDivergenceBackward(args);
  const { kind, beta = 0.5, factor = 1, soft_cap } = args;
  return {
    ...{ rows, n, kind, beta, factor, soft_cap, weights: floats(args.weights), sums: floats(args.sums) },
    ...{ teacher: floats(args.teacher), student: floats(args.student) },
    ...{ teacher_state: floats(args.teacher_state), student_state: floats(args.student_state) },
  };
}

export function divergenceBackwardRange(task: DivergenceBackwardRows, start: number, end: number): void {
  const { kind, beta, n, teacher, student, teacher_state, student_state, sums, weights, factor, soft_cap } = task;
  for (let row = start; row < end; row++) {
    const [teacher_log, student_log] = [logSum(teacher_state, row), logSum(student_state, row)];
    const scale = weights[row] * factor;
    const mean = sums[2 * row + 1];
    for (let i = row * n; i < (row + 1) * n; i++) {
      const logit = student[i];
      const [p, q] = [teacher[i] - teacher_log, logit - student_log];
      let gradient: number;
      // Σ q·a is −Σ p there, which is −1 but for rounding.
      if (kind === 'forward_kl') gradient = Math.exp(q) - Math.exp(p);
      else if (kind === 'reverse_kl') gradient = Math.exp(q) * (q - p - mean);
      else gradient = Math.exp(q) * ((1 - beta) * (q - logMixture(p, q, beta)) - mean);
      gradient *= scale;
      if (soft_cap !== undefined) gradient *= 1 - (logit / soft_cap) ** 2;
      student[i] = gradient;
    }
  }
}
