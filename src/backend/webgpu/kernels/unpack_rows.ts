/** @file Rows of grouped integers as floats; see shaders/unpack_rows.wgsl. */
import source from '../../../../shaders/unpack_rows.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const unpackRowsKernel = defineKernel({
  name: 'unpack_rows',
  source,
  common: ['packed_codes', 'half_to_f32'],
  storage: { b: 'read', output: 'read_write' },
  params: {
    ...({ n: 'u32', k: 'u32', first_output: 'u32' } as const),
    ...({ row_words: 'u32', group: 'u32', groups: 'u32', scales_at: 'u32', zeros_at: 'u32' } as const),
  },
  overrides: { WORKGROUP_SIZE: 64, BITS: 4, ZERO: 0, SCALE_F32: 0, ALIGNED: 1 },
  grid: ({ n, k }, { WORKGROUP_SIZE }) => lineOf(n * Math.ceil(k / 4), WORKGROUP_SIZE),
  work: ({ n, k }) => 4 * n * k,
});
