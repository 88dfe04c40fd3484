/** @file Applies the rotations of a round to rows of the matrix or of Vᵀ; see shaders/jacobi_rows.wgsl. */
import source from '../../../../shaders/jacobi_rows.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiRowsKernel = defineKernel({
  name: 'jacobi_rows',
  source,
  storage: { status: 'read', rotations: 'read', is_active: 'read', matrix: 'read_write' },
  params: { size: 'u32', round: 'u32', turn_pass: 'u32' },
  overrides: { VECTORS: 1, WORKGROUP_SIZE: 64 },
  grid: ({ size, turn_pass }, { VECTORS, WORKGROUP_SIZE }) => {
    const pairs = size / 32;
    const columns = turn_pass === 0 ? pairs * size : ((pairs * (pairs - 1)) / 2) * 32;
    return Math.ceil(columns / (4 * VECTORS) / WORKGROUP_SIZE);
  },
  work: ({ size, turn_pass }) => size * size * (turn_pass === 0 ? 32 : 16),
});
