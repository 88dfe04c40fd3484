/** @file CPU twin of `cross_entropy_backward`: weights[r] · factor · (softmax − one-hot) · (1 − (logit/cap)²), in place. */
import { checkCrossEntropyBackward } from '../shapes.ts';
import type { CrossEntropyBackwardArgs } from '../training_kernels.ts';
import { floats, ids } from './tensor.ts';

export function cross_entropy_backward(args: CrossEntropyBackwardArgs): void {
  const { rows, n } = checkCrossEntropyBackward(args);
  const { first_column, soft_cap, factor = 1 } = args;
  const [logits, state, weights] = [args.logits, args.state, args.weights].map(floats);
  const targets = ids(args.target_ids);
  for (let row = 0; row < rows; row++) {
    const scale = weights[row] * factor;
    const [maximum, sum] = [state[row * 4], state[row * 4 + 1]];
    const target = row * n + targets[row] - first_column;
    for (let i = row * n; i < (row + 1) * n; i++) {
      const logit = logits[i];
      let gradient = (Math.exp(logit - maximum) / sum - (i === target ? 1 : 0)) * scale;
      if (soft_cap !== undefined) gradient *= 1 - (logit / soft_cap) ** 2;
      logits[i] = gradient;
    }
  }
}
