/**
 * @file output = row_scale ⊙ (a · bᵀ) ⊙ act(gate); see shaders/matmul_bt.wgsl, matmul_bt_shared.wgsl,
 * matmul_bt_subgroup.wgsl and matmul_bt_any.wgsl.
 */
import tiledSource from '../../../../shaders/matmul_bt.wgsl?raw';
import anySource from '../../../../shaders/matmul_bt_any.wgsl?raw';
import sharedSource from '../../../../shaders/matmul_bt_shared.wgsl?raw';
import subgroupSource from '../../../../shaders/matmul_bt_subgroup.wgsl?raw';
import type { MatmulBtArgs } from '../../backend.ts';
import { checkMatmulBt } from '../../shapes.ts';
import type { GpuContext } from '../context.ts';
import { packedLayout } from '../packed.ts';
import { sparseLayout } from '../sparse.ts';
import { decodedProduct } from './decoded_product.ts';
import { packedKernels } from './matmul_bt_packed.ts';
import { sparseKernels } from './matmul_bt_sparse.ts';
import { dispatchMatmul } from './matmul_family.ts';
import { defineAny, definePanel, defineShared, defineTiled, FACTOR_STORES } from './matmul_kernels.ts';

const rows = ['left_rows', 'right_of_matmul_bt'] as const;

export const matmulBtKernel = defineTiled('matmul_bt', tiledSource, rows, FACTOR_STORES);
export const matmulBtSharedKernel = defineShared('matmul_bt_shared', sharedSource, rows, FACTOR_STORES);
export const matmulBtSubgroupKernel = definePanel(
  'matmul_bt_subgroup',
  subgroupSource,
  ['panel_rows', 'right_of_matmul_bt', ...FACTOR_STORES.vec4],
  FACTOR_STORES,
);
export const matmulBtAnyKernel = defineAny('matmul_bt_any', anySource, FACTOR_STORES);

const kernels = {
  tiled: matmulBtKernel,
  shared: matmulBtSharedKernel,
  subgroup: matmulBtSubgroupKernel,
  any: matmulBtAnyKernel,
};

export function matmul_bt(context: GpuContext, args: MatmulBtArgs): void {
  if (args.b.type === 'packed') {
    const sparse = sparseLayout(args.b);
    decodedProduct(context, args, sparse ? sparseKernels(sparse) : packedKernels(packedLayout(args.b)), kernels);
  } else dispatchMatmul(context, 'bt', kernels, args, checkMatmulBt(args));
}
