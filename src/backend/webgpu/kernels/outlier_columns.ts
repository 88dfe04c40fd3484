/** @file Columns with an outlier in a window; see shaders/outlier_columns.wgsl. */
import source from '../../../../shaders/outlier_columns.wgsl?raw';
import type { OutlierColumnsArgs } from '../../backend.ts';
import { checkOutlierColumns } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const outlierColumnsKernel = defineKernel({
  name: 'outlier_columns',
  source,
  storage: { hidden_states: 'read', output: 'read_write' },
  params: { elements: 'u32', d: 'u32', seqlen: 'u32', threshold: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements, seqlen }) => elements * seqlen,
});

export function outlier_columns(context: GpuContext, args: OutlierColumnsArgs): void {
  const { windows, d } = checkOutlierColumns(args);
  outlierColumnsKernel(context, { ...args, elements: windows * d, d });
}
