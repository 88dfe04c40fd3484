/** @file Half the distance of a Gram matrix from the identity; see shaders/jacobi_defect.wgsl. */
import source from '../../../../shaders/jacobi_defect.wgsl?raw';
import { defineKernel } from '../kernel.ts';

export const jacobiDefectKernel = defineKernel({
  name: 'jacobi_defect',
  source,
  storage: { gram: 'read_write' },
  params: { size: 'u32' },
  overrides: {},
  grid: ({ size }) => [Math.ceil(size / 16), Math.ceil(size / 4)],
  work: ({ size }) => size * size,
});
