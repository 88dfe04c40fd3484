/** @file CPU twin of `activation_backward`: grad_input = dy ⊙ act′(x). */
import { checkActivationBackward } from '../shapes.ts';
import type { ActivationBackwardArgs } from '../training_kernels.ts';
import { ACTIVATION_SLOPES } from './activation_slopes.ts';
import { floats } from './tensor.ts';

export function activation_backward(args: ActivationBackwardArgs): void {
  const { elements } = checkActivationBackward('activation_backward', args);
  const slope = ACTIVATION_SLOPES[args.activation];
  const [x, grad_output, grad_input] = [args.hidden_states, args.grad_output, args.grad_input].map(floats);
  for (let i = 0; i < elements; i++) grad_input[i] = grad_output[i] * slope(x[i]);
}
