/** @file hidden_states += bias, row by row; see shaders/add_bias.wgsl. */
import source from '../../../../shaders/add_bias.wgsl?raw';
import type { AddBiasArgs } from '../../backend.ts';
import { checkAddBias } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const addBiasKernel = defineKernel({
  name: 'add_bias',
  source,
  storage: { bias: 'read', hidden_states: 'read_write' },
  params: { elements: 'u32', d: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => elements,
});

export function add_bias(context: GpuContext, args: AddBiasArgs): void {
  const { rows, d } = checkAddBias(args);
  addBiasKernel(context, { ...args, elements: rows * d, d });
}
