/** @file output = aᵀ · b; see shaders/matmul_at.wgsl, matmul_at_shared.wgsl, matmul_at_subgroup.wgsl and matmul_at_any.wgsl. */
import tiledSource from '../../../../shaders/matmul_at.wgsl?raw';
import anySource from '../../../../shaders/matmul_at_any.wgsl?raw';
import sharedSource from '../../../../shaders/matmul_at_shared.wgsl?raw';
import subgroupSource from '../../../../shaders/matmul_at_subgroup.wgsl?raw';
import type { MatmulArgs } from '../../backend.ts';
import { checkMatmulAt } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { dispatchMatmul } from './matmul_family.ts';
import { defineAny, definePanel, defineShared, defineTiled } from './matmul_kernels.ts';

export const matmulAtKernel = defineTiled('matmul_at', tiledSource, ['left_steps', 'right_steps', 'matmul_at_steps']);
export const matmulAtSharedKernel = defineShared('matmul_at_shared', sharedSource, [
  'left_steps',
  'right_steps',
  'matmul_at_steps',
]);
export const matmulAtSubgroupKernel = definePanel('matmul_at_subgroup', subgroupSource, ['panel_steps', 'right_steps']);
export const matmulAtAnyKernel = defineAny('matmul_at_any', anySource);

export function matmul_at(context: GpuContext, args: MatmulArgs): void {
  const sizes = checkMatmulAt(args);
  const kernels = {
    tiled: matmulAtKernel,
    shared: matmulAtSharedKernel,
    subgroup: matmulAtSubgroupKernel,
    any: matmulAtAnyKernel,
  };
  dispatchMatmul(context, 'at', kernels, args, sizes);
}
