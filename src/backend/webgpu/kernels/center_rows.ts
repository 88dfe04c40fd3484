/** @file Subtracts from each row its mean; see shaders/center_rows.wgsl. */
import source from '../../../../shaders/center_rows.wgsl?raw';
import type { CenterRowsArgs } from '../../backend.ts';
import { checkCenterRows } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const centerRowsKernel = defineKernel({
  name: 'center_rows',
  source,
  storage: { hidden_states: 'read_write' },
  params: { rows: 'u32', d: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ rows }, { WORKGROUP_SIZE }) => lineOf(rows, WORKGROUP_SIZE),
  work: ({ rows, d }) => 2 * rows * d,
});

export function center_rows(context: GpuContext, args: CenterRowsArgs): void {
  centerRowsKernel(context, { ...args, ...checkCenterRows(args) });
}
