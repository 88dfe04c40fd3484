/** @file Subtracts from each column its mean; see shaders/center_columns.wgsl. */
import source from '../../../../shaders/center_columns.wgsl?raw';
import type { CenterColumnsArgs } from '../../backend.ts';
import { checkCenterColumns } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const centerColumnsKernel = defineKernel({
  name: 'center_columns',
  source,
  storage: { weight: 'read_write' },
  params: { rows: 'u32', n: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ n }, { WORKGROUP_SIZE }) => lineOf(n, WORKGROUP_SIZE),
  work: ({ rows, n }) => 2 * rows * n,
});

export function center_columns(context: GpuContext, args: CenterColumnsArgs): void {
  centerColumnsKernel(context, { ...args, ...checkCenterColumns(args) });
}
