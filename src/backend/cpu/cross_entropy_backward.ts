/** @file CPU twin of `cross_entropy_backward`: weights[r] · factor · (softmax − one-hot) · (1 − (logit/cap)²), in place. */
import { checkCrossEntropyBackward } from '../shapes.ts';
import type { CrossEntropyBackwardArgs } from '../training_kernels.ts';
import { type Floats, floats, ids } from './tensor.ts';

export interface CrossEntropyBackwardRows {
  n: number;
  first_column: number;
  factor: number;
  soft_cap?: number;
  logits: Floats;
  state: Floats;
  weights: Floats;
  target_ids: Uint32Array;
}

export function cross_entropy_backward(args: CrossEntropyBackwardArgs): void {
  const { rows, ...task } = crossEntropyBackwardRows(args);
  crossEntropyBackwardRange(task, 0, rows);
}

/** The kernel as work on rows. */
export function crossEntropyBackwardRows(args: CrossEntropyBackwardArgs): CrossEntropyBackwardRows & { rows: number } {
  const { rows, n } = checkCrossEntropyBackward(args);
  const { first_column, soft_cap, factor = 1 } = args;
  return {
    ...{ rows, n, first_column, factor, soft_cap, target_ids: ids(args.target_ids) },
    ...{ logits: floats(args.logits), state: floats(args.state), weights: floats(args.weights) },
  };
}

export function crossEntropyBackwardRange(task: CrossEntropyBackwardRows, start: number, end: number): void {
  const { n, first_column, factor, soft_cap, logits, state, weights, target_ids } = task;
  for (let row = start; row < end; row++) {
    const scale = weights[row] * factor;
    const [maximum, sum] = [state[row * 4], state[row * 4 + 1]];
    const target = row * n + target_ids[row] - first_column;
    for (let i = row * n; i < (row + 1) * n; i++) {
      const logit = logits[i];
      let gradient = (Math.exp(logit - maximum) / sum - (i === target ? 1 : 0)) * scale;
      if (soft_cap !== undefined) gradient *= 1 - (logit / soft_cap) ** 2;
      logits[i] = gradient;
    }
  }
}
