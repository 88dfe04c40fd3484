/** @file output = silu(gate) ⊙ up; see shaders/swiglu.wgsl. */
import source from '../../../../shaders/swiglu.wgsl?raw';
import type { SwigluArgs } from '../../backend.ts';
import { checkSwiglu } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const swigluKernel = defineKernel({
  name: 'swiglu',
  source,
  storage: { gate: 'read', up: 'read', output: 'read_write' },
  params: { elements: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function swiglu(context: GpuContext, args: SwigluArgs): void {
  swigluKernel(context, { ...args, ...checkSwiglu(args) });
}
