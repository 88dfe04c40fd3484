/** @file The gradient of an activation function; see shaders/activation_backward.wgsl. */
import source from '../../../../shaders/activation_backward.wgsl?raw';
import { checkActivationBackward } from '../../shapes.ts';
import type { ActivationBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { ACTIVATION_CODES } from './activations.ts';
import { lineOf } from './elementwise.ts';

export const activationBackwardKernel = defineKernel({
  name: 'activation_backward',
  source,
  common: ['activations', 'activation_slopes'],
  storage: { hidden_states: 'read', grad_output: 'read', grad_input: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, ACTIVATION: 0 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function activation_backward(context: GpuContext, args: ActivationBackwardArgs): void {
  const { hidden_states, grad_output, grad_input } = args;
  const call = { hidden_states, grad_output, grad_input, ...checkActivationBackward('activation_backward', args) };
  activationBackwardKernel(context, call, { ACTIVATION: ACTIVATION_CODES[args.activation] });
}
