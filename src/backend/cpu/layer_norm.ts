/** @file CPU twin of `layer_norm`: (x − mean)/√(variance + eps) · weight + bias, row by row. */
import type { LayerNormArgs } from '../backend.ts';
import { checkLayerNorm } from '../shapes.ts';
import { floats } from './tensor.ts';

export function layer_norm(args: LayerNormArgs): void {
  const { rows, d } = checkLayerNorm(args);
  const hidden_states = floats(args.hidden_states);
  const weight = args.weight && floats(args.weight);
  const bias = args.bias && floats(args.bias);
  const output = floats(args.output);
  for (let row = 0; row < rows; row++) {
    const start = row * d;
    let sum = 0;
    for (let j = 0; j < d; j++) sum += hidden_states[start + j];
    const mean = sum / d;
    let squares = 0;
    for (let j = 0; j < d; j++) squares += (hidden_states[start + j] - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / d + args.eps);
    for (let j = 0; j < d; j++) {
      const normed = (hidden_states[start + j] - mean) * scale;
      output[start + j] = normed * (weight ? weight[j] : 1) + (bias ? bias[j] : 0);
    }
  }
}
