/** @file output[c] += Σ a[r, c] · b[r, c]; see shaders/column_sums.wgsl. */
import source from '../../../../shaders/column_sums.wgsl?raw';
import { checkColumnSums } from '../../shapes.ts';
import type { ColumnSumsArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const columnSumsKernel = defineKernel({
  name: 'column_sums',
  source,
  storage: { a: 'read', b: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_B: 0 },
  grid: ({ d }, { WORKGROUP_SIZE }) => lineOf(d, WORKGROUP_SIZE),
  work: ({ rows, d }) => 2 * rows * d,
});

export function column_sums(context: GpuContext, args: ColumnSumsArgs): void {
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { a, b = a, output } = args;
  columnSumsKernel(context, { a, b, output, ...checkColumnSums(args) }, { HAS_B: args.b ? 1 : 0 });
}
