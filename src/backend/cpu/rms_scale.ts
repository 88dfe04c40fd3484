/** @file CPU twin of `rms_scale`: 1/√(Σx²/normalized_size + eps) of each row. */
import type { RmsScaleArgs } from '../backend.ts';
import { checkRmsScale } from '../shapes.ts';
import { floats } from './tensor.ts';

export function rms_scale(args: RmsScaleArgs): void {
  const { rows, d } = checkRmsScale(args);
  const hidden_states = floats(args.hidden_states);
  const output = floats(args.output);
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let i = row * d; i < (row + 1) * d; i++) squares += hidden_states[i] * hidden_states[i];
    output[row] = 1 / Math.sqrt(squares / args.normalized_size + args.eps);
  }
}
