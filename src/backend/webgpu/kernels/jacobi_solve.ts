/** @file Diagonalises the 32×32 subproblem of every pair of blocks of a round; see shaders/jacobi_solve.wgsl. */
import source from '../../../../shaders/jacobi_solve.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiSolveKernel = defineKernel({
  name: 'jacobi_solve',
  source,
  storage: { status: 'read', matrix: 'read_write', rotations: 'read_write', is_active: 'read_write' },
  params: { size: 'u32', round: 'u32', inner_sweeps: 'u32', threshold: 'f32', scaled_threshold: 'f32' },
  overrides: { WORKGROUP_SIZE: 64 },
  grid: ({ size }) => [size / 32, 1],
  work: ({ size, inner_sweeps }) => (size / 32) * inner_sweeps * 9 * 32 ** 3,
});
