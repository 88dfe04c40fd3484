/** @file ZᵀV for a block of reflectors; see shaders/tridiagonal_project.wgsl and tridiagonal_project_subgroup.wgsl. */
import source from '../../../../shaders/tridiagonal_project.wgsl?raw';
import subgroupSource from '../../../../shaders/tridiagonal_project_subgroup.wgsl?raw';
import type { Tensor } from '../../backend.ts';
import type { GpuContext } from '../context.ts';
import { defineKernel } from '../kernel.ts';

interface Sizes {
  m: number;
  n: number;
  rows: number;
  first: number;
}

const layout = {
  storage: { source: 'read', reflectors: 'read', output: 'read_write' },
  params: {
    m: 'u32',
    n: 'u32',
    rows: 'u32',
    first: 'u32',
    source_stride: 'u32',
    source_column: 'u32',
    reflector_stride: 'u32',
    reflector_column: 'u32',
    output_row: 'u32',
  },
  work: ({ m, n, rows, first }: Sizes) => m * n * (rows - first),
} as const;

export const tridiagonalProjectKernel = defineKernel({
  name: 'tridiagonal_project',
  source,
  common: ['tile_8x8', 'left_steps', 'right_steps', 'tridiagonal_project_operands'],
  ...layout,
  overrides: { WORKGROUP_X: 8, WORKGROUP_Y: 8 },
  grid: ({ m, n }, { WORKGROUP_X, WORKGROUP_Y }) => [
    Math.ceil(n / (8 * WORKGROUP_X)),
    Math.ceil(m / (8 * WORKGROUP_Y)),
  ],
});

export const tridiagonalProjectSubgroupKernel = defineKernel({
  name: 'tridiagonal_project_subgroup',
  source: subgroupSource,
  common: ['tile_32x16', 'share', 'right_steps', 'tridiagonal_project_operands'],
  ...layout,
  overrides: { WORKGROUP_SIZE: 4 },
  grid: ({ m, n }, { WORKGROUP_SIZE }) => [Math.ceil(n / (16 * WORKGROUP_SIZE)), Math.ceil(m / 32)],
});

export interface ProjectArgs extends Sizes {
  source: Tensor;
  reflectors: Tensor;
  output: Tensor;
  source_stride: number;
  source_column: number;
  reflector_stride: number;
  reflector_column: number;
  output_row: number;
}

export function tridiagonal_project(context: GpuContext, args: ProjectArgs): void {
  if (context.prefersWideTiles) tridiagonalProjectSubgroupKernel(context, args);
  else tridiagonalProjectKernel(context, args);
}
