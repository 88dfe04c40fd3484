/** @file Products with grouped integers; shaders/matmul_bt_packed.wgsl, shaders/unpack_rows.wgsl. */
import source from '../../../../shaders/matmul_bt_packed.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import type { PackedLayout } from '../packed.ts';
import { type DecodingKernels, FEW_ROWS } from './decoded_product.ts';
import { unpackRowsKernel } from './unpack_rows.ts';

export const matmulBtPackedKernel = defineKernel({
  ...FEW_ROWS,
  name: 'matmul_bt_packed',
  source,
  common: ['few_rows', 'packed_codes', 'half_to_f32', 'matmul_factors', 'activations'],
  params: {
    ...FEW_ROWS.params,
    ...({ row_words: 'u32', group: 'u32', groups: 'u32', scales_at: 'u32', zeros_at: 'u32' } as const),
  },
  overrides: { ...FEW_ROWS.overrides, BITS: 4, ZERO: 0, SCALE_F32: 0, ALIGNED: 1 },
});

export const packedKernels = ({ params, overrides }: PackedLayout): DecodingKernels => ({
  multiply: (context, call, more) => matmulBtPackedKernel(context, { ...call, ...params }, { ...overrides, ...more }),
  unpack: (context, call) => unpackRowsKernel(context, { ...call, ...params }, overrides),
});
