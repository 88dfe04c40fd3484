/** @file CPU twin of `divergence_backward`: q ⊙ (a − Σ q·a), in place of the student's logits. */
import { checkDivergenceBackward } from '../shapes.ts';
import type { DivergenceBackwardArgs } from '../training_kernels.ts';
import { logMixture, logSum } from './divergence.ts';
import { floats } from './tensor.ts';

export function divergence_backward(args: DivergenceBackwardArgs): void {
  const { rows, n } = checkDivergenceBackward(args);
  const { kind, beta = 0.5, factor = 1, soft_cap } = args;
  const [teacher, student, sums, weights] = [args.teacher, args.student, args.sums, args.weights].map(floats);
  const [teacher_state, student_state] = [args.teacher_state, args.student_state].map(floats);
  for (let row = 0; row < rows; row++) {
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
