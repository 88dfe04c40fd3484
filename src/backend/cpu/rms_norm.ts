/** @file CPU twin of `rms_norm`: x · 1/√(Σx²/normalized_size + eps) · weight + bias, over stretches of `d` elements. */
import type { RmsNormArgs } from '../backend.ts';
import { checkRmsNorm } from '../shapes.ts';
import { floats } from './tensor.ts';

export function rms_norm(args: RmsNormArgs): void {
  const { rows, d } = checkRmsNorm(args);
  const hidden_states = floats(args.hidden_states);
  const weight = args.weight && floats(args.weight);
  const bias = args.bias && floats(args.bias);
  const output = floats(args.output);
  for (let row = 0; row < rows; row++) {
    const start = row * d;
    let squares = 0;
    for (let j = 0; j < d; j++) squares += hidden_states[start + j] * hidden_states[start + j];
    const scale = 1 / Math.sqrt(squares / args.normalized_size + args.eps);
    for (let j = 0; j < d; j++) {
      output[start + j] = hidden_states[start + j] * scale * (weight ? weight[j] : 1) + (bias ? bias[j] : 0);
    }
  }
}
