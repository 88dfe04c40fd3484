/** @file Decides on the device whether the sweeps are over; see shaders/jacobi_converge.wgsl. */
import source from '../../../../shaders/jacobi_converge.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiConvergeKernel = defineKernel({
  name: 'jacobi_converge',
  source,
  storage: { norms: 'read', status: 'read_write' },
  params: { n: 'u32', sweeps: 'u32', tolerance: 'f32', scaled_tolerance: 'f32' },
  overrides: { WORKGROUP_SIZE: 32 },
  grid: () => [1, 1],
});
