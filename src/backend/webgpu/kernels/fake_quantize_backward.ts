/** @file Straight-through gradients of rounding to a grid; see shaders/fake_quantize_backward.wgsl. */
import source from '../../../../shaders/fake_quantize_backward.wgsl?raw';
import { checkFakeQuantizeBackward } from '../../shapes.ts';
import type { FakeQuantizeBackwardArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const fakeQuantizeBackwardKernel = defineKernel({
  name: 'fake_quantize_backward',
  source,
  common: ['grid_place', 'grid_code'],
  storage: { weight: 'read', scales: 'read', zeros: 'read', order: 'read', gradient: 'read_write' },
  params: { rows: 'u32', d: 'u32', group: 'u32', groups: 'u32', lowest: 'f32', highest: 'f32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_ORDER: 0, HAS_ZEROS: 0, IS_MINIMUM: 0 },
  grid: ({ rows, d }, { WORKGROUP_SIZE }) => lineOf(rows * d, WORKGROUP_SIZE),
  work: ({ rows, d }) => 8 * rows * d,
});

export function fake_quantize_backward(context: GpuContext, args: FakeQuantizeBackwardArgs): void {
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { weight, scales, gradient, lowest, highest, zeros = scales, order = scales } = args;
  const call = { weight, scales, zeros, order, gradient, lowest, highest, ...checkFakeQuantizeBackward(args) };
  fakeQuantizeBackwardKernel(context, call, {
    HAS_ORDER: args.order ? 1 : 0,
    HAS_ZEROS: args.zeros ? 1 : 0,
    IS_MINIMUM: args.zero === 'minimum' ? 1 : 0,
  });
}
