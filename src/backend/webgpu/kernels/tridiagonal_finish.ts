/** @file Signs of eigenvectors, and the padding cut off; see shaders/tridiagonal_finish.wgsl. */
import source from '../../../../shaders/tridiagonal_finish.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import { ACCESS_WORK } from './tridiagonal_layout.ts';

export const tridiagonalFinishKernel = defineKernel({
  name: 'tridiagonal_finish',
  source,
  storage: { turned: 'read', eigenvectors: 'read_write' },
  params: { n: 'u32', size: 'u32' },
  overrides: { WORKGROUP_SIZE: 32 },
  grid: ({ n }, { WORKGROUP_SIZE }) => [Math.ceil(n / WORKGROUP_SIZE), 1],
  work: ({ n }) => 3 * ACCESS_WORK * n * n,
});
