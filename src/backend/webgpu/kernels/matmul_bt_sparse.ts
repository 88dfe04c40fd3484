/** @file Products with matrices of which two of every four inputs are stored; shaders/matmul_bt_sparse.wgsl, shaders/unpack_sparse.wgsl. */
import source from '../../../../shaders/matmul_bt_sparse.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import type { SparseLayout } from '../sparse.ts';
import { type DecodingKernels, FEW_ROWS } from './decoded_product.ts';
import { unpackSparseKernel } from './unpack_sparse.ts';

export const matmulBtSparseKernel = defineKernel({
  ...FEW_ROWS,
  name: 'matmul_bt_sparse',
  source,
  common: ['few_rows', 'sparse_2_4', 'half_to_f32', 'matmul_factors', 'activations'],
  params: { ...FEW_ROWS.params, places_at: 'u32' },
  overrides: { ...FEW_ROWS.overrides, VALUES_F32: 0 },
});

export const sparseKernels = ({ params, overrides }: SparseLayout): DecodingKernels => ({
  multiply: (context, call, more) => matmulBtSparseKernel(context, { ...call, ...params }, { ...overrides, ...more }),
  unpack: (context, call) => unpackSparseKernel(context, { ...call, ...params }, overrides),
});
