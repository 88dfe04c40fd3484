/** @file The gradient of xIELU; see shaders/xielu_backward.wgsl. */
import source from '../../../../shaders/xielu_backward.wgsl?raw';
import { checkActivationBackward } from '../../shapes.ts';
import type { XieluBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const xieluBackwardKernel = defineKernel({
  name: 'xielu_backward',
  source,
  storage: { hidden_states: 'read', grad_output: 'read', grad_input: 'read_write' },
  params: { elements: 'u32', alpha_p: 'f32', alpha_n: 'f32', beta: 'f32', eps: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function xielu_backward(context: GpuContext, args: XieluBackwardArgs): void {
  xieluBackwardKernel(context, { ...args, ...checkActivationBackward('xielu_backward', args) });
}
