/** @file A step of AdamW; see shaders/adamw.wgsl. */
import source from '../../../../shaders/adamw.wgsl?raw';
import { checkAdamw } from '../../shapes.ts';
import type { AdamwArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const adamwKernel = defineKernel({
  name: 'adamw',
  source,
  storage: { gradient: 'read', first_moment: 'read_write', second_moment: 'read_write', parameter: 'read_write' },
  params: {
    ...({ elements: 'u32', gradient_scale: 'f32', beta1: 'f32', rest1: 'f32', beta2: 'f32', rest2: 'f32' } as const),
    ...({ keep: 'f32', rate: 'f32', correction: 'f32', eps: 'f32' } as const),
  },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function adamw(context: GpuContext, args: AdamwArgs): void {
  const { gradient, first_moment, second_moment, parameter } = args;
  const { lr, beta1, beta2, eps, weight_decay, step, gradient_scale = 1 } = args;
  adamwKernel(context, {
    ...{ gradient, first_moment, second_moment, parameter, gradient_scale, eps, ...checkAdamw(args) },
    ...{ beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2 },
    ...{ keep: 1 - lr * weight_decay, rate: lr / (1 - beta1 ** step), correction: 1 / (1 - beta2 ** step) },
  });
}
