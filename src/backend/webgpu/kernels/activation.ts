/** @file output = act(hidden_states); see shaders/activation.wgsl. */
import source from '../../../../shaders/activation.wgsl?raw';
import type { ActivationArgs } from '../../backend.ts';
import { checkActivation } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { ACTIVATION_CODES } from './activations.ts';
import { lineOf } from './elementwise.ts';

export const activationKernel = defineKernel({
  name: 'activation',
  source,
  common: ['activations'],
  storage: { hidden_states: 'read', output: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, ACTIVATION: 0 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function activation(context: GpuContext, args: ActivationArgs): void {
  const { hidden_states, output } = args;
  const ACTIVATION = ACTIVATION_CODES[args.activation];
  activationKernel(context, { hidden_states, output, ...checkActivation(args) }, { ACTIVATION });
}
