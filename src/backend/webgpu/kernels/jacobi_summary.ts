/** @file Status and diagonal in one tensor, for one readback; see shaders/jacobi_summary.wgsl. */
import source from '../../../../shaders/jacobi_summary.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiSummaryKernel = defineKernel({
  name: 'jacobi_summary',
  source,
  storage: { status: 'read', matrix: 'read', summary: 'read_write' },
  params: { size: 'u32' },
  overrides: { WORKGROUP_SIZE: 32 },
  grid: ({ size }, { WORKGROUP_SIZE }) => [Math.ceil(size / WORKGROUP_SIZE), 1],
});
