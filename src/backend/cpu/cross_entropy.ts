/**
 * @file CPU twin of `cross_entropy`: one block of the vocabulary of an online log-softmax. Per row, `state` holds the
 * running maximum M, Σ exp(logit − M) and the target's logit; a larger maximum rescales the sum.
 */
import type { CrossEntropyArgs } from '../backend.ts';
import { checkCrossEntropy } from '../shapes.ts';
import { floats, ids } from './tensor.ts';

export function cross_entropy(args: CrossEntropyArgs): void {
  const { rows, n } = checkCrossEntropy(args);
  const { first_column } = args;
  const logits = floats(args.logits);
  const target_ids = ids(args.target_ids);
  const state = floats(args.state);
  for (let row = 0; row < rows; row++) {
    const start = row * n;
    let block_maximum = logits[start];
    for (let j = 1; j < n; j++) block_maximum = Math.max(block_maximum, logits[start + j]);
    let maximum = block_maximum;
    let sum = 0;
    if (first_column === 0) {
      state[row * 4 + 2] = 0;
    } else {
      maximum = Math.max(state[row * 4], block_maximum);
      sum = state[row * 4 + 1] * Math.exp(state[row * 4] - maximum);
    }
    for (let j = 0; j < n; j++) sum += Math.exp(logits[start + j] - maximum);
    state[row * 4] = maximum;
    state[row * 4 + 1] = sum;
    const target = target_ids[row] - first_column;
    if (target >= 0 && target < n) state[row * 4 + 2] = logits[start + target];
  }
}
