/** @file output = a · b; see shaders/matmul.wgsl, matmul_shared.wgsl, matmul_subgroup.wgsl and matmul_any.wgsl. */
import tiledSource from '../../../../shaders/matmul.wgsl?raw';
import anySource from '../../../../shaders/matmul_any.wgsl?raw';
import sharedSource from '../../../../shaders/matmul_shared.wgsl?raw';
import subgroupSource from '../../../../shaders/matmul_subgroup.wgsl?raw';
import type { MatmulArgs } from '../../backend.ts';
import { checkMatmul } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { dispatchMatmul } from './matmul_family.ts';
import { defineAny, definePanel, defineShared, defineTiled } from './matmul_kernels.ts';

export const matmulKernel = defineTiled('matmul', tiledSource, ['left_rows', 'right_of_matmul']);
export const matmulSharedKernel = defineShared('matmul_shared', sharedSource, ['left_rows', 'right_of_matmul']);
export const matmulSubgroupKernel = definePanel('matmul_subgroup', subgroupSource, [
  'panel_rows',
  'right_of_matmul',
  'matmul_vec4',
]);
export const matmulAnyKernel = defineAny('matmul_any', anySource);

export function matmul(context: GpuContext, args: MatmulArgs): void {
  const sizes = checkMatmul(args);
  const kernels = {
    tiled: matmulKernel,
    shared: matmulSharedKernel,
    subgroup: matmulSubgroupKernel,
    any: matmulAnyKernel,
  };
  dispatchMatmul(context, 'plain', kernels, args, sizes);
}
