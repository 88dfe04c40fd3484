/** @file hidden_states ← min(max(hidden_states, −limit), limit); see shaders/clip.wgsl. */
import source from '../../../../shaders/clip.wgsl?raw';
import type { ClipArgs } from '../../backend.ts';
import { checkClip } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const clipKernel = defineKernel({
  name: 'clip',
  source,
  storage: { hidden_states: 'read_write' },
  params: { elements: 'u32', limit: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function clip(context: GpuContext, args: ClipArgs): void {
  clipKernel(context, { ...args, ...checkClip(args) });
}
