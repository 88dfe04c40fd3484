/** @file hidden_states ← factor · hidden_states; see shaders/scale.wgsl. */
import source from '../../../../shaders/scale.wgsl?raw';
import type { ScaleArgs } from '../../backend.ts';
import { checkScale } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const scaleKernel = defineKernel({
  name: 'scale',
  source,
  storage: { hidden_states: 'read_write' },
  params: { elements: 'u32', factor: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => elements,
});

export function scale(context: GpuContext, args: ScaleArgs): void {
  scaleKernel(context, { ...args, ...checkScale(args) });
}
