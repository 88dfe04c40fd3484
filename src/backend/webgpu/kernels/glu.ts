/** @file output = act(gate) ⊙ up; see shaders/glu.wgsl. */
import source from '../../../../shaders/glu.wgsl?raw';
import type { GluArgs } from '../../backend.ts';
import { checkGlu } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { ACTIVATION_CODES } from './activations.ts';
import { lineOf } from './elementwise.ts';

export const gluKernel = defineKernel({
  name: 'glu',
  source,
  common: ['activations'],
  storage: { gate: 'read', up: 'read', output: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, ACTIVATION: 0 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function glu(context: GpuContext, args: GluArgs): void {
  const { gate, up, output } = args;
  gluKernel(context, { gate, up, output, ...checkGlu(args) }, { ACTIVATION: ACTIVATION_CODES[args.activation] });
}
