/** @file The page of the bench. The command calls one figure after another, so that it can tell how far it is. */
import { MATRIX_FAMILIES } from '../backend/matrix_families.ts';
import { createWebGpuBackend } from '../backend/webgpu/webgpu_backend.ts';
import { benchEigen, EIGEN_SOLVERS } from './eigen.ts';
import { benchKernel, KERNEL_NAMES } from './kernels.ts';
import { benchMatmul } from './matmul.ts';
import { ACTIVATION_NAMES, benchPrecision } from './precision.ts';

const backend = createWebGpuBackend();

window.whittleBench = {
  async adapter() {
    const { vendor, architecture, isFallbackAdapter } = (await backend).info;
    return { vendor, architecture, is_fallback_adapter: isFallbackAdapter };
  },
  matmul: async (shape) => benchMatmul(await backend, shape),
  eigen: async (n, family, solver) => benchEigen(await backend, n, family, solver),
  eigenSolvers: () => [...EIGEN_SOLVERS],
  eigenFamilies: () => MATRIX_FAMILIES.map(({ name }) => name),
  precision: async (n, name) => benchPrecision(await backend, n, name),
  activationNames: () => [...ACTIVATION_NAMES],
  kernelNames: () => [...KERNEL_NAMES],
  kernel: async (name) => benchKernel(await backend, name),
};
