/** @file Largest |entry| of a covariance, as bits, and with it the test for NaN and infinity; see shaders/jacobi_scan.wgsl. */
import source from '../../../../shaders/jacobi_scan.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiScanKernel = defineKernel({
  name: 'jacobi_scan',
  source,
  storage: { covariance: 'read', status: 'read_write' },
  params: { n: 'u32' },
  overrides: { WORKGROUP_SIZE: 32 },
  grid: ({ n }, { WORKGROUP_SIZE }) => [Math.ceil(n / WORKGROUP_SIZE), 1],
  work: ({ n }) => (n * n) / 2,
});
