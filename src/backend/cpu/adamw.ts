/** @file CPU twin of `adamw`: a step of Adam with bias correction and decoupled weight decay. */
import { checkAdamw } from '../shapes.ts';
import type { AdamwArgs } from '../training_kernels.ts';
import { type Floats, floats } from './tensor.ts';

export interface AdamwElements {
  parameter: Floats;
  gradient: Floats;
  first_moment: Floats;
  second_moment: Floats;
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  weight_decay: number;
  step: number;
  gradient_scale: number;
}

export function adamw(args: AdamwArgs): void {
  const { elements, ...task } = adamwElements(args);
  adamwRange(task, 0, elements);
}

/** The kernel as work on elements. */
export function adamwElements(args: AdamwArgs): AdamwElements & { elements: number } {
  const { elements } = checkAdamw(args);
  const { lr, beta1, beta2, eps, weight_decay, step, gradient_scale = 1 } = args;
  return {
    ...{ elements, lr, beta1, beta2, eps, weight_decay, step, gradient_scale },
    ...{ parameter: floats(args.parameter), gradient: floats(args.gradient) },
    ...{ first_moment: floats(args.first_moment), second_moment: floats(args.second_moment) },
  };
}

export function adamwRange(task: AdamwElements, start: number, end: number): void {
  const { parameter, gradient, first_moment: first, second_moment: second } = task;
  const { lr, beta1, beta2, eps, weight_decay, step, gradient_scale } = task;
  const rate = lr / (1 - beta1 ** step);
  const correction = 1 / (1 - beta2 ** step);
  for (let i = start; i < end; i++) {
    const g = gradient_scale * gradient[i];
    const m = beta1 * first[i] + (1 - beta1) * g;
    const v = beta2 * second[i] + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    parameter[i] = parameter[i] * (1 - lr * weight_decay) - (rate * m) / (Math.sqrt(v * correction) + eps);
  }
}
