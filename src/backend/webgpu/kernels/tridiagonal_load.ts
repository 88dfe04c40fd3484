/** @file A covariance scaled, made symmetric and padded; see shaders/tridiagonal_load.wgsl. */
import source from '../../../../shaders/tridiagonal_load.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const tridiagonalLoadKernel = defineKernel({
  name: 'tridiagonal_load',
  source,
  storage: { covariance: 'read', status: 'read', matrix: 'read_write' },
  params: { n: 'u32', size: 'u32' },
  overrides: {},
  grid: ({ size }) => [Math.ceil(size / 16), Math.ceil(size / 4)],
  work: ({ size }) => 10 * size * size,
});
