/** @file The page of the bench: what it offers to the command by `window.whittleBench`. */
import { MATRIX_FAMILIES } from '../backend/matrix_families.ts';
import { createWebGpuBackend, type WebGpuBackend } from '../backend/webgpu/webgpu_backend.ts';
import { runCpuTask } from './cpu_task.ts';
import { benchWebGpuEigen } from './eigen.ts';
import { benchKernel, KERNEL_NAMES } from './kernels.ts';
import { benchCpuMatmul, benchMatmul } from './matmul.ts';
import { benchPacked } from './packed.ts';
import { ACTIVATION_NAMES, benchPrecision } from './precision.ts';

const backend = createTunedBackend();

/** As the engine does it: on hardware with the matrix kernel that suits the adapter, which is not kept here. */
async function createTunedBackend(): Promise<WebGpuBackend> {
  const created = await createWebGpuBackend();
  await created.tune({ get: async () => undefined, set: async () => {} }, 'bench').catch(() => {});
  return created;
}

window.whittleBench = {
  async adapter() {
    const { vendor, architecture, isFallbackAdapter } = (await backend).info;
    return { vendor, architecture, is_fallback_adapter: isFallbackAdapter };
  },
  matmul: async (shape) => benchMatmul(await backend, shape),
  cpuMatmul: benchCpuMatmul,
  packed: benchPacked,
  lut: (shape) => runCpuTask('lut', shape),
  kernelNames: () => [...KERNEL_NAMES],
  kernel: async (name) => benchKernel(await backend, name),
  eigenFamilies: () => MATRIX_FAMILIES.map(({ name }) => name),
  eigen: async (n, family, solver) => benchWebGpuEigen(await backend, n, family, solver),
  cpuEigen: (n, family) => runCpuTask('eigen', { n, family }),
  linalg: (request) => runCpuTask('linalg', request),
  activationNames: () => [...ACTIVATION_NAMES],
  precision: async (n, name) => benchPrecision(await backend, n, name),
};
