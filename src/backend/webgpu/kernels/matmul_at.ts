/** @file output = aᵀ · b; see shaders/matmul_at.wgsl, matmul_at_shared.wgsl, matmul_at_subgroup.wgsl and matmul_at_any.wgsl. */
import tiledSource from '../../../../shaders/matmul_at.wgsl?raw';
import anySource from '../../../../shaders/matmul_at_any.wgsl?raw';
import sharedSource from '../../../../shaders/matmul_at_shared.wgsl?raw';
import subgroupSource from '../../../../shaders/matmul_at_subgroup.wgsl?raw';
import type { MatmulArgs } from '../../backend.ts';
import { checkMatmulAt } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineAny, defineShared, defineSubgroup, defineTiled, dispatchMatmul } from './matmul_family.ts';

export const matmulAtKernel = defineTiled('matmul_at', tiledSource, ['left_steps', 'right_steps', 'matmul_at_steps']);
export const matmulAtSharedKernel = defineShared('matmul_at_shared', sharedSource, [
  'left_steps',
  'right_steps',
  'matmul_at_steps',
]);
export const matmulAtSubgroupKernel = defineSubgroup('matmul_at_subgroup', subgroupSource, [
  'left_steps_shared',
  'right_steps',
  'matmul_at_steps',
]);
export const matmulAtAnyKernel = defineAny('matmul_at_any', anySource);

/** @param accumulate Adds to what output holds. */
export function matmul_at(context: GpuContext, args: MatmulArgs, accumulate = false): void {
  const sizes = checkMatmulAt(args);
  const kernels = {
    tiled: matmulAtKernel,
    shared: matmulAtSharedKernel,
    subgroup: matmulAtSubgroupKernel,
    any: matmulAtAnyKernel,
  };
  dispatchMatmul(context, 'at', kernels, args, sizes, accumulate);
}
