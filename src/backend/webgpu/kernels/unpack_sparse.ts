/** @file Rows with two of every four inputs stored, as floats with their zeros; see shaders/unpack_sparse.wgsl. */
import source from '../../../../shaders/unpack_sparse.wgsl?raw';
import { defineKernel } from '../kernel.ts';
import { lineOf } from './elementwise.ts';

export const unpackSparseKernel = defineKernel({
  name: 'unpack_sparse',
  source,
  common: ['sparse_2_4', 'half_to_f32'],
  storage: { b: 'read', output: 'read_write' },
  params: { n: 'u32', k: 'u32', first_output: 'u32', places_at: 'u32' },
  overrides: { WORKGROUP_SIZE: 64, VALUES_F32: 0 },
  grid: ({ n, k }, { WORKGROUP_SIZE }) => lineOf(n * Math.ceil(k / 4), WORKGROUP_SIZE),
  work: ({ n, k }) => 4 * n * k,
});
