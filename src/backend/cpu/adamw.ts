/** @file CPU twin of `adamw`: a step of Adam with bias correction and decoupled weight decay. */
import { checkAdamw } from '../shapes.ts';
import type { AdamwArgs } from '../training_kernels.ts';
import { floats } from './tensor.ts';

export function adamw(args: AdamwArgs): void {
  const { elements } = checkAdamw(args);
  const { lr, beta1, beta2, eps, weight_decay, step, gradient_scale = 1 } = args;
  const [parameter, gradient] = [args.parameter, args.gradient].map(floats);
  const [first, second] = [args.first_moment, args.second_moment].map(floats);
  const rate = lr / (1 - beta1 ** step);
  const correction = 1 / (1 - beta2 ** step);
  for (let i = 0; i < elements; i++) {
    const g = gradient_scale * gradient[i];
    const m = beta1 * first[i] + (1 - beta1) * g;
    const v = beta2 * second[i] + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    parameter[i] = parameter[i] * (1 - lr * weight_decay) - (rate * m) / (Math.sqrt(v * correction) + eps);
  }
}
