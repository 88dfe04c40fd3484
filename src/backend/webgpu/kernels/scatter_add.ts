/** @file Sums of states into rows of a table, in a fixed order; see shaders/scatter_add.wgsl. */
import source from '../../../../shaders/scatter_add.wgsl?raw';
import { checkScatterAdd } from '../../shapes.ts';
import type { ScatterAddArgs } from '../../training_kernels.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const scatterAddKernel = defineKernel({
  name: 'scatter_add',
  source,
  storage: { hidden_states: 'read', order: 'read', starts: 'read', targets: 'read', output: 'read_write' },
  params: { elements: 'u32', d: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => 4 * elements,
});

export function scatter_add(context: GpuContext, args: ScatterAddArgs): void {
  const { targets, d } = checkScatterAdd(args);
  scatterAddKernel(context, { ...args, d, elements: targets * d });
}
