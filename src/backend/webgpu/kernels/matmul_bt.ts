/** @file output = a · bᵀ; see shaders/matmul_bt.wgsl, matmul_bt_shared.wgsl, matmul_bt_subgroup.wgsl and matmul_bt_any.wgsl. */
import tiledSource from '../../../../shaders/matmul_bt.wgsl?raw';
import anySource from '../../../../shaders/matmul_bt_any.wgsl?raw';
import sharedSource from '../../../../shaders/matmul_bt_shared.wgsl?raw';
import subgroupSource from '../../../../shaders/matmul_bt_subgroup.wgsl?raw';
import type { MatmulArgs } from '../../backend.ts';
import { checkMatmulBt } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { defineAny, defineShared, defineSubgroup, defineTiled, dispatchMatmul } from './matmul_family.ts';

export const matmulBtKernel = defineTiled('matmul_bt', tiledSource, ['left_rows', 'right_of_matmul_bt']);
export const matmulBtSharedKernel = defineShared('matmul_bt_shared', sharedSource, ['left_rows', 'right_of_matmul_bt']);
export const matmulBtSubgroupKernel = defineSubgroup('matmul_bt_subgroup', subgroupSource, [
  'left_rows_shared',
  'right_of_matmul_bt',
]);
export const matmulBtAnyKernel = defineAny('matmul_bt_any', anySource);

export function matmul_bt(context: GpuContext, args: MatmulArgs): void {
  const sizes = checkMatmulBt(args);
  const kernels = {
    tiled: matmulBtKernel,
    shared: matmulBtSharedKernel,
    subgroup: matmulBtSubgroupKernel,
    any: matmulBtAnyKernel,
  };
  dispatchMatmul(context, 'bt', kernels, args, sizes);
}
