/** @file Ends a step of a panel and updates the next column; see shaders/tridiagonal_column.wgsl. */
import source from '../../../../shaders/tridiagonal_column.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import { ACCESS_WORK, blockStart, PARAMS } from './tridiagonal_layout.ts';

export const tridiagonalColumnKernel = defineKernel({
  name: 'tridiagonal_column',
  source,
  common: ['tridiagonal_layout'],
  storage: {
    matrix: 'read',
    product: 'read',
    vectors: 'read',
    panel: 'read_write',
    reflectors: 'read_write',
    x: 'read_write',
    tridiagonal: 'read_write',
  },
  params: PARAMS,
  overrides: { WORKGROUP_SIZE: 64, REDUCED_VECTORS: 1 },
  grid: ({ size, column }, { WORKGROUP_SIZE }) => [Math.ceil((size - blockStart(column)) / 4 / WORKGROUP_SIZE), 1],
  work: ({ size, column, done }) => ACCESS_WORK * (size - column) * (3 * done + 8),
});
