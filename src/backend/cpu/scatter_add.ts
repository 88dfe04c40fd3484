/** @file CPU twin of `scatter_add`: rows of a table get the sums of the states that looked them up, in a fixed order. */
import { checkScatterAdd } from '../shapes.ts';
import type { ScatterAddArgs } from '../training_kernels.ts';
import { floats, ids } from './tensor.ts';

export function scatter_add(args: ScatterAddArgs): void {
  const { targets: count, d } = checkScatterAdd(args);
  const [states, output] = [args.hidden_states, args.output].map(floats);
  const [order, starts, targets] = [args.order, args.starts, args.targets].map(ids);
  for (let i = 0; i < count; i++) {
    const to = targets[i] * d;
    for (let c = 0; c < d; c++) {
      let sum = 0;
      for (let j = starts[i]; j < starts[i + 1]; j++) sum += states[order[j] * d + c];
      output[to + c] += sum;
    }
  }
}
