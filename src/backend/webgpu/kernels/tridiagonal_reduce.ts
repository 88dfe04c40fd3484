/** @file A Householder reflector and its products; see shaders/tridiagonal_reduce.wgsl. */
import source from '../../../../shaders/tridiagonal_reduce.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import { ACCESS_WORK, BLOCK, blockStart, PANEL, PARAMS } from './tridiagonal_layout.ts';

export const tridiagonalReduceKernel = defineKernel({
  name: 'tridiagonal_reduce',
  source,
  common: ['tridiagonal_layout'],
  storage: {
    matrix: 'read',
    panel: 'read',
    x: 'read',
    column_parts: 'read',
    row_parts: 'read',
    product: 'read_write',
    vectors: 'read_write',
    tridiagonal: 'read_write',
  },
  params: PARAMS,
  overrides: { WORKGROUP_SIZE: 64, VECTORS: 1, ROWS: 32 },
  grid: ({ size, column }, { WORKGROUP_SIZE, VECTORS }) => {
    const tasks = Math.ceil((size - blockStart(column + 1)) / 4 / VECTORS) + PANEL / 2;
    return [Math.ceil(tasks / WORKGROUP_SIZE), 1];
  },
  work: ({ size, column }, { ROWS }) => ACCESS_WORK * (size - column) * ((size - column) * (1 / BLOCK + 1 / ROWS) + 4),
});
