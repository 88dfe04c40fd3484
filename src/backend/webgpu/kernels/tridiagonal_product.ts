/** @file Parts of the product of matrix and panel with a vector; see shaders/tridiagonal_product.wgsl. */
import source from '../../../../shaders/tridiagonal_product.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import { ACCESS_WORK, BLOCK, blockStart, PARAMS } from './tridiagonal_layout.ts';

export const tridiagonalProductKernel = defineKernel({
  name: 'tridiagonal_product',
  source,
  common: ['tridiagonal_layout'],
  storage: { matrix: 'read', panel: 'read', x: 'read', column_parts: 'read_write', row_parts: 'read_write' },
  params: PARAMS,
  overrides: { WORKGROUP_SIZE: 32, ROWS: 32 },
  grid: ({ size, column, done }, { WORKGROUP_SIZE, ROWS }) => {
    const start = blockStart(column + 1);
    const tasks = (size - start) / BLOCK + 2 * Math.ceil(done / BLOCK);
    return [Math.ceil(tasks / WORKGROUP_SIZE), Math.ceil(size / ROWS) - Math.floor(start / ROWS)];
  },
  work: ({ size, column, done }) => ACCESS_WORK * (size - column) * ((size - column) / 2 + 2 * done + BLOCK),
});
