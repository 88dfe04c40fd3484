/** @file output = weight · diag(scale); see shaders/scale_columns.wgsl. */
import source from '../../../../shaders/scale_columns.wgsl?raw';
import type { ScaleColumnsArgs } from '../../backend.ts';
import { checkScaleColumns } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const scaleColumnsKernel = defineKernel({
  name: 'scale_columns',
  source,
  storage: { weight: 'read', scale: 'read', output: 'read_write' },
  params: { elements: 'u32', d: 'u32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ elements }, { WORKGROUP_SIZE }) => lineOf(elements, WORKGROUP_SIZE),
  work: ({ elements }) => elements,
});

export function scale_columns(context: GpuContext, args: ScaleColumnsArgs): void {
  const { rows, d } = checkScaleColumns(args);
  scaleColumnsKernel(context, { ...args, elements: rows * d, d });
}
