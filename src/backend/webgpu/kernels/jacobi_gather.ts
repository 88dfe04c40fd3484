/** @file Eigenvectors in the order of their eigenvalues and with their sign; see shaders/jacobi_gather.wgsl. */
import source from '../../../../shaders/jacobi_gather.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiGatherKernel = defineKernel({
  name: 'jacobi_gather',
  source,
  storage: { vectors: 'read', order: 'read', eigenvectors: 'read_write' },
  params: { n: 'u32', size: 'u32' },
  overrides: { WORKGROUP_SIZE: 32 },
  grid: ({ n }, { WORKGROUP_SIZE }) => [Math.ceil(n / WORKGROUP_SIZE), 1],
  work: ({ n }) => 2 * n * n,
});
