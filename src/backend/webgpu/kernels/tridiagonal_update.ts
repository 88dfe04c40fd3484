/** @file target −= left · rightᵀ in place; see shaders/tridiagonal_update.wgsl and tridiagonal_update_subgroup.wgsl. */
import source from '../../../../shaders/tridiagonal_update.wgsl?raw';
import subgroupSource from '../../../../shaders/tridiagonal_update_subgroup.wgsl?raw';
import type { Tensor } from '../../backend.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';
import { ACCESS_WORK } from './tridiagonal_layout.ts';

interface Sizes {
  size: number;
  first_row: number;
  first_column: number;
  is_upper: number;
  k_count: number;
}

const layout = {
  storage: { left_matrix: 'read', right_matrix: 'read', target_matrix: 'read_write' },
  params: {
    size: 'u32',
    first_row: 'u32',
    first_column: 'u32',
    is_upper: 'u32',
    k_count: 'u32',
    left_stride: 'u32',
    left_column: 'u32',
    right_stride: 'u32',
    right_shift: 'u32',
  },
  work: ({ size, first_row, first_column, is_upper, k_count }: Sizes) =>
    ((size - first_row) * (size - first_column) * (k_count + 2 * ACCESS_WORK)) / (1 + is_upper),
} as const;

export const tridiagonalUpdateKernel = defineKernel({
  name: 'tridiagonal_update',
  source,
  common: ['tile_8x8', 'tridiagonal_update_operands'],
  ...layout,
  overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8 },
  grid: ({ size, first_row, first_column }, { WORKGROUP_X, WORKGROUP_Y }) => [
    Math.ceil((size - first_column) / (8 * WORKGROUP_X)),
    Math.ceil((size - first_row) / (8 * WORKGROUP_Y)),
  ],
});

export const tridiagonalUpdateSubgroupKernel = defineKernel({
  name: 'tridiagonal_update_subgroup',
  source: subgroupSource,
  common: ['tile_32x16', 'share', 'tridiagonal_update_operands'],
  ...layout,
  overrides: { WORKGROUP_SIZE: 4 },
  grid: ({ size, first_row, first_column }, { WORKGROUP_SIZE }) => [
    Math.ceil((size - first_column) / (16 * WORKGROUP_SIZE)),
    Math.ceil((size - first_row) / 32),
  ],
});

export interface UpdateArgs extends Sizes {
  left_matrix: Tensor;
  right_matrix: Tensor;
  target_matrix: Tensor;
  left_stride: number;
  left_column: number;
  right_stride: number;
  right_shift: number;
}

export function tridiagonal_update(context: GpuContext, args: UpdateArgs): void {
  if (context.prefersWideTiles) tridiagonalUpdateSubgroupKernel(context, args);
  else tridiagonalUpdateKernel(context, args);
}
