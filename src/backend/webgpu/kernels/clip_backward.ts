/** @file The gradient of a clip; see shaders/clip_backward.wgsl. */
import source from '../../../../shaders/clip_backward.wgsl?raw';
import { checkClipBackward } from '../../shapes.ts';
import type { ClipBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const clipBackwardKernel = defineKernel({
  name: 'clip_backward',
  source,
  storage: { clipped: 'read', gradient: 'read_write' },
  params: { elements: 'u32', limit: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 2 * elements,
});

export function clip_backward(context: GpuContext, args: ClipBackwardArgs): void {
  clipBackwardKernel(context, { ...args, ...checkClipBackward(args) });
}
