/** @file CPU twin of `rms_norm_backward`: r·g − x·r³/D·Σ(g ⊙ x), g = γ ⊙ grad_output. */
import { checkRmsNormBackward } from '../shapes.ts';
import type { RmsNormBackwardArgs } from '../training_kernels.ts';
import { type Floats, floats } from './tensor.ts';

export interface RmsNormBackwardRows {
  hidden_states: Floats;
  weight?: Floats;
  grad_output: Floats;
  grad_input: Floats;
  d: number;
  normalized_size: number;
  eps: number;
  accumulate?: boolean;
}

export function rms_norm_backward(args: RmsNormBackwardArgs): void {
  const { rows, ...task } = rmsNormBackwardRows(args);
  normGradients(task, 0, rows);
}

/** The kernel as work on rows. */
export function rmsNormBackwardRows(args: RmsNormBackwardArgs): RmsNormBackwardRows & { rows: number } {
  const { rows, d } = checkRmsNormBackward(args);
  const { eps, normalized_size, accumulate } = args;
  return {
    ...{ rows, d, normalized_size, eps, accumulate, hidden_states: floats(args.hidden_states) },
    ...{ grad_output: floats(args.grad_output), grad_input: floats(args.grad_input) },
    weight: args.weight && floats(args.weight),
  };
}

function normGradients(task: RmsNormBackwardRows, first: number, end: number): void {
  const { hidden_states: x, weight, grad_output, grad_input, d, normalized_size, eps, accumulate } = task;
  for (let row = first; row < end; row++) {
    const start = row * d;
    let squares = 0;
    let along = 0;
    for (let j = 0; j < d; j++) {
      const value = x[start + j];
      squares += value * value;
      along += grad_output[start + j] * (weight ? weight[j] : 1) * value;
    }
    const scale = 1 / Math.sqrt(squares / normalized_size + eps);
    const back = (along * scale * scale * scale) / normalized_size;
    for (let j = 0; j < d; j++) {
      const change = grad_output[start + j] * (weight ? weight[j] : 1) * scale - x[start + j] * back;
      grad_input[start + j] = accumulate ? grad_input[start + j] + change : change;
    }
  }
}
