/** @file Each column on a fixed grid of its own; see shaders/quantize_columns.wgsl. */
import source from '../../../../shaders/quantize_columns.wgsl?raw';
import type { QuantizeColumnsArgs } from '../../backend.ts';
import { checkQuantizeColumns } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const quantizeColumnsKernel = defineKernel({
  name: 'quantize_columns',
  source,
  storage: { hidden_states: 'read', scale: 'read', zero: 'read', output: 'read_write' },
  params: { elements: 'u32', d: 'u32', levels: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 8 * elements,
});

export function quantize_columns(context: GpuContext, args: QuantizeColumnsArgs): void {
  const { rows, d } = checkQuantizeColumns(args);
  quantizeColumnsKernel(context, { ...args, elements: rows * d, d });
}
