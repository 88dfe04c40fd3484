/** @file Rows into a larger matrix, in place; see shaders/write_rows.wgsl. */
import source from '../../../../shaders/write_rows.wgsl?raw';
import type { WriteRowsArgs } from '../../backend.ts';
import { checkWriteRows } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const writeRowsKernel = defineKernel({
  name: 'write_rows',
  source,
  storage: { source: 'read', output: 'read_write' },
  params: { elements: 'u32', first: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => elements,
});

export function write_rows(context: GpuContext, args: WriteRowsArgs): void {
  const { rows, columns } = checkWriteRows(args);
  const { source: from, output } = args;
  writeRowsKernel(context, { source: from, output, elements: rows * columns, first: args.first_row * columns });
}
