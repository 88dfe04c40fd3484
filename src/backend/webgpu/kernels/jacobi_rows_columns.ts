/** @file Applies the rotations of a round to rows and columns of the symmetric matrix; see shaders/jacobi_rows_columns.wgsl. */
import source from '../../../../shaders/jacobi_rows_columns.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiRowsColumnsKernel = defineKernel({
  name: 'jacobi_rows_columns',
  source,
  storage: { status: 'read', rotations: 'read', is_active: 'read', matrix: 'read_write' },
  params: { size: 'u32', round: 'u32' },
  overrides: {},
  grid: ({ size }) => Math.ceil(((size / 32) * (size / 32 - 1)) / 2 / 4),
  work: ({ size }) => size * size * 32,
});
