/** @file Each row in whole multiples of a step of its own; see shaders/quantize_rows.wgsl. */
import source from '../../../../shaders/quantize_rows.wgsl?raw';
import type { QuantizeRowsArgs } from '../../backend.ts';
import { checkQuantizeRows } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';

export const quantizeRowsKernel = defineKernel({
  name: 'quantize_rows',
  source,
  storage: { hidden_states: 'read', kept: 'read', output: 'read_write' },
  params: { rows: 'u32', d: 'u32', seqlen: 'u32', levels: 'f32' },
  overrides: { WORKGROUP_SIZE: 64, HAS_KEPT: 0 },
  grid: ({ rows }) => rows,
  work: ({ rows, d }) => 8 * rows * d,
});

export function quantize_rows(context: GpuContext, args: QuantizeRowsArgs): void {
  const { hidden_states, output, levels } = args;
  // A binding without its tensor is filled with one that the kernel does not read as such.
  const { kept = hidden_states } = args;
  const call = { hidden_states, kept, output, levels, ...checkQuantizeRows(args) };
  quantizeRowsKernel(context, call, { HAS_KEPT: args.kept ? 1 : 0 });
}
