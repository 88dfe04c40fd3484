/** @file hidden_states ← cap · tanh(hidden_states / cap); see shaders/soft_cap.wgsl. */
import source from '../../../../shaders/soft_cap.wgsl?raw';
import type { SoftCapArgs } from '../../backend.ts';
import { checkSoftCap } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const softCapKernel = defineKernel({
  name: 'soft_cap',
  source,
  common: ['tanh'],
  storage: { hidden_states: 'read_write' },
  params: { elements: 'u32', cap: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function soft_cap(context: GpuContext, args: SoftCapArgs): void {
  softCapKernel(context, { ...args, ...checkSoftCap(args) });
}
