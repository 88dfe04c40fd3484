/** @file Applies the rotations of a round to the columns of the accumulated eigenvectors; see shaders/jacobi_vectors.wgsl. */
import source from '../../../../shaders/jacobi_vectors.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiVectorsKernel = defineKernel({
  name: 'jacobi_vectors',
  source,
  storage: { status: 'read', rotations: 'read', is_active: 'read', vectors: 'read_write' },
  params: { size: 'u32', round: 'u32' },
  overrides: {},
  grid: ({ size }) => [size / 32, Math.ceil(size / 128)],
  work: ({ size }) => size * size * 32,
});
