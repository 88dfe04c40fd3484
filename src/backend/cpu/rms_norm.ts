/** @file CPU twin of `rms_norm`: x · 1/√(Σx²/normalized_size + eps) · weight + bias, over stretches of `d` elements. */
import type { RmsNormArgs } from '../backend.ts';
import { checkRmsNorm } from '../shapes.ts';
import { type Floats, floats } from './tensor.ts';

export interface RmsNormRows {
  hidden_states: Floats;
  weight?: Floats;
  bias?: Floats;
  output: Floats;
  d: number;
  normalized_size: number;
  eps: number;
}

export function rms_norm(args: RmsNormArgs): void {
  const { rows, ...task } = rmsNormRows(args);
  normaliseRows(task, 0, rows);
}

/** The kernel as work on rows. */
export function rmsNormRows(args: RmsNormArgs): RmsNormRows & { rows: number } {
  const { rows, d } = checkRmsNorm(args);
  return {
    ...{ rows, d, normalized_size: args.normalized_size, eps: args.eps },
    ...{ hidden_states: floats(args.hidden_states), output: floats(args.output) },
    weight: args.weight && floats(args.weight),
    bias: args.bias && floats(args.bias),
  };
}

export function normaliseRows(task: RmsNormRows, first: number, end: number): void {
  const { hidden_states, weight, bias, output, d, normalized_size, eps } = task;
  for (let row = first; row < end; row++) {
    const start = row * d;
    let squares = 0;
    for (let j = 0; j < d; j++) squares += hidden_states[start + j] * hidden_states[start + j];
    const scale = 1 / Math.sqrt(squares / normalized_size + eps);
    if (!weight && !bias) {
      for (let j = 0; j < d; j++) output[start + j] = hidden_states[start + j] * scale;
      continue;
    }
    for (let j = 0; j < d; j++) {
      output[start + j] = hidden_states[start + j] * scale * (weight ? weight[j] : 1) + (bias ? bias[j] : 0);
    }
  }
}
