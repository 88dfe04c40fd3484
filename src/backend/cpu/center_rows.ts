/** @file CPU twin of `center_rows`: subtracts from each row its mean. */
import type { CenterRowsArgs } from '../backend.ts';
import { checkCenterRows } from '../shapes.ts';
import { floats } from './tensor.ts';

export function center_rows(args: CenterRowsArgs): void {
  const { rows, d } = checkCenterRows(args);
  const hidden_states = floats(args.hidden_states);
  for (let row = 0; row < rows; row++) {
    const start = row * d;
    let sum = 0;
    for (let j = 0; j < d; j++) sum += hidden_states[start + j];
    const mean = sum / d;
    for (let j = 0; j < d; j++) hidden_states[start + j] -= mean;
  }
}
