/** @file Sums over groups of columns; see shaders/group_sums.wgsl. */
import source from '../../../../shaders/group_sums.wgsl?raw';
import { checkGroupSums } from '../../shapes.ts';
import type { GroupSumsArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const groupSumsKernel = defineKernel({
  name: 'group_sums',
  source,
  storage: { a: 'read', b: 'read', order: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', group: 'u32', groups: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_ORDER: 0, HAS_B: 0 },
  grid: ({ rows, groups }, { WORKGROUP_SIZE }) => lineOf(rows * groups, WORKGROUP_SIZE),
  work: ({ rows, d }) => 2 * rows * d,
});

export function group_sums(context: GpuContext, args: GroupSumsArgs): void {
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { a, output, b = a, order = a } = args;
  groupSumsKernel(
    context,
    { a, b, order, output, ...checkGroupSums(args) },
    { HAS_ORDER: args.order ? 1 : 0, HAS_B: args.b ? 1 : 0 },
  );
}
