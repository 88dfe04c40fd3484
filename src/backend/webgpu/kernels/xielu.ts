/** @file output = xIELU(hidden_states); see shaders/xielu.wgsl. */
import source from '../../../../shaders/xielu.wgsl?raw';
import type { XieluArgs } from '../../backend.ts';
import { checkXielu } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const xieluKernel = defineKernel({
  name: 'xielu',
  source,
  storage: { hidden_states: 'read', output: 'read_write' },
  params: { elements: 'u32', alpha_p: 'f32', alpha_n: 'f32', beta: 'f32', eps: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function xielu(context: GpuContext, args: XieluArgs): void {
  xieluKernel(context, { ...args, ...checkXielu(args) });
}
