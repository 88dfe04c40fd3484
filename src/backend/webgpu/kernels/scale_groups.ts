/** @file Codes times their group’s scale; see shaders/scale_groups.wgsl. */
import source from '../../../../shaders/scale_groups.wgsl?raw';
import { checkScaleGroups } from '../../shapes.ts';
import type { ScaleGroupsArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const scaleGroupsKernel = defineKernel({
  name: 'scale_groups',
  source,
  common: ['grid_place'],
  storage: { codes: 'read', scales: 'read', minimums: 'read', order: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', group: 'u32', groups: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_ORDER: 0, HAS_MINIMUMS: 0 },
  grid: ({ rows, d }, { WORKGROUP_SIZE }) => lineOf(rows * d, WORKGROUP_SIZE),
  work: ({ rows, d }) => 3 * rows * d,
});

export function scale_groups(context: GpuContext, args: ScaleGroupsArgs): void {
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { codes, scales, output, minimums = scales, order = scales } = args;
  const call = { codes, scales, minimums, order, output, ...checkScaleGroups(args) };
  scaleGroupsKernel(context, call, { HAS_ORDER: args.order ? 1 : 0, HAS_MINIMUMS: args.minimums ? 1 : 0 });
}
