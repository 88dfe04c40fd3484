/** @file CPU twin of `layer_norm_backward`: r·(g − mean(g) − x̂·mean(g ⊙ x̂)), g = γ ⊙ grad_output. */
import { checkNormBackward } from '../shapes.ts';
import type { LayerNormBackwardArgs } from '../training_kernels.ts';
import { floats } from './tensor.ts';

export function layer_norm_backward(args: LayerNormBackwardArgs): void {
  const { rows, d } = checkNormBackward('layer_norm_backward', args);
  const { eps, accumulate } = args;
  const [x, grad_output, grad_input] = [args.hidden_states, args.grad_output, args.grad_input].map(floats);
  const weight = args.weight && floats(args.weight);
  for (let row = 0; row < rows; row++) {
    const start = row * d;
    let sum = 0;
    for (let j = 0; j < d; j++) sum += x[start + j];
    const mean = sum / d;
    let squares = 0;
    let total = 0;
    let along = 0;
    for (let j = 0; j < d; j++) {
      const deviation = x[start + j] - mean;
      const g = grad_output[start + j] * (weight ? weight[j] : 1);
      squares += deviation * deviation;
      total += g;
      along += g * deviation;
    }
    const scale = 1 / Math.sqrt(squares / d + eps);
    const mean_g = total / d;
    const back = (along * scale * scale) / d;
    for (let j = 0; j < d; j++) {
      const g = grad_output[start + j] * (weight ? weight[j] : 1);
      const change = scale * (g - mean_g - (x[start + j] - mean) * back);
      grad_input[start + j] = accumulate ? grad_input[start + j] + change : change;
    }
  }
}
