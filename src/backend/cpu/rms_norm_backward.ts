/** @file CPU twin of `rms_norm_backward`: r·g − x·r³/D·Σ(g ⊙ x), g = γ ⊙ grad_output. */
import { checkRmsNormBackward } from '../shapes.ts';
import type { RmsNormBackwardArgs } from '../training_kernels.ts';
import { floats } from './tensor.ts';

export function rms_norm_backward(args: RmsNormBackwardArgs): void {
  const { rows, d } = checkRmsNormBackward(args);
  const { eps, normalized_size, accumulate } = args;
  const [x, grad_output, grad_input] = [args.hidden_states, args.grad_output, args.grad_input].map(floats);
  const weight = args.weight && floats(args.weight);
  for (let row = 0; row < rows; row++) {
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
