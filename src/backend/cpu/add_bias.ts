/** @file CPU twin of `add_bias`: hidden_states[r, :] += bias. */
import type { AddBiasArgs } from '../backend.ts';
import { checkAddBias } from '../shapes.ts';
import { floats } from './tensor.ts';

export function add_bias(args: AddBiasArgs): void {
  const { rows, d } = checkAddBias(args);
  const hidden_states = floats(args.hidden_states);
  const bias = floats(args.bias);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < d; j++) hidden_states[row * d + j] += bias[j];
  }
}
