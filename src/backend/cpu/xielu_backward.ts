/** @file CPU twin of `xielu_backward`: 2α₊·x + β for x > 0, else α₋·([x < ε]·e^x − 1) + β. */
import { checkActivationBackward } from '../shapes.ts';
import type { XieluBackwardArgs } from '../training_kernels.ts';
import { floats } from './tensor.ts';

export function xielu_backward(args: XieluBackwardArgs): void {
  const { elements } = checkActivationBackward('xielu_backward', args);
  const { alpha_p, alpha_n, beta, eps } = args;
  const [states, grad_output, grad_input] = [args.hidden_states, args.grad_output, args.grad_input].map(floats);
  for (let i = 0; i < elements; i++) {
    const x = states[i];
    const slope = x > 0 ? 2 * alpha_p * x + beta : (x < eps ? Math.expm1(x) : -1) * alpha_n + beta;
    grad_input[i] = grad_output[i] * slope;
  }
}
