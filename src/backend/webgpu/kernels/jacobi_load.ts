/** @file Scaled, symmetric, padded copy of a covariance, and the identity; see shaders/jacobi_load.wgsl. */
import source from '../../../../shaders/jacobi_load.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiLoadKernel = defineKernel({
  name: 'jacobi_load',
  source,
  storage: { covariance: 'read', status: 'read', matrix: 'read_write', vectors: 'read_write' },
  params: { n: 'u32', size: 'u32' },
  overrides: {},
  grid: ({ size }) => [Math.ceil(size / 16), Math.ceil(size / 4)],
  work: ({ size }) => size * size,
});
