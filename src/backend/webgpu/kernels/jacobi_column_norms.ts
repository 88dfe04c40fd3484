/** @file Sums of squares of each column, off the diagonal and on it; see shaders/jacobi_column_norms.wgsl. */
import source from '../../../../shaders/jacobi_column_norms.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiColumnNormsKernel = defineKernel({
  name: 'jacobi_column_norms',
  source,
  storage: { status: 'read', matrix: 'read', norms: 'read_write' },
  params: { n: 'u32', size: 'u32' },
  overrides: { WORKGROUP_SIZE: 32 },
  grid: ({ n }, { WORKGROUP_SIZE }) => [Math.ceil(n / WORKGROUP_SIZE), 1],
  work: ({ n }) => n * n,
});
