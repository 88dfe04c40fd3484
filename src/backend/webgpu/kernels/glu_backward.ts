/** @file The gradients of act(gate) ⊙ up; see shaders/glu_backward.wgsl. */
import source from '../../../../shaders/glu_backward.wgsl?raw';
import { checkGluBackward } from '../../shapes.ts';
import type { GluBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { ACTIVATION_CODES } from './activations.ts';
import { lineOf } from './elementwise.ts';

export const gluBackwardKernel = defineKernel({
  name: 'glu_backward',
  source,
  common: ['activations', 'activation_slopes'],
  storage: { gate: 'read', up: 'read', grad_output: 'read', grad_gate: 'read_write', grad_up: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, ACTIVATION: 0 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 16 * elements,
});

export function glu_backward(context: GpuContext, args: GluBackwardArgs): void {
  const { gate, up, grad_output, grad_gate, grad_up } = args;
  const call = { gate, up, grad_output, grad_gate, grad_up, ...checkGluBackward(args) };
  gluBackwardKernel(context, call, { ACTIVATION: ACTIVATION_CODES[args.activation] });
}
