/**
 * @file What the bench's page measures on the device, in Node: WebGPU by Dawn, without a browser and a display. Built by Vite, which
 * puts the shaders in.
 */
import { MATRIX_FAMILIES } from '../../backend/matrix_families.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { createWebGpuBackend, type WebGpuBackend } from '../../backend/webgpu/webgpu_backend.ts';
import { WhittleError } from '../../errors/errors.ts';
import { benchEigen, benchWebGpuEigen } from '../eigen.ts';
import { benchKernel, KERNEL_NAMES } from '../kernels.ts';
import { operands, ownMatmul } from '../own_matmul.ts';
import type { BenchPage } from '../page_protocol.ts';
import { ACTIVATION_NAMES, benchPrecision } from '../precision.ts';
import type { DeviceProduct, NodeAdapter } from './figures.ts';

/** As {@link BenchPage} has them, and products without onnxruntime-web's beside them: its provider wants a browser. */
export type DevicePage = Pick<
  BenchPage,
  'kernelNames' | 'kernel' | 'eigenFamilies' | 'eigen' | 'cpuEigen' | 'activationNames' | 'precision'
> & {
  adapter(): NodeAdapter;
  product(shape: Omit<DeviceProduct, 'gflops' | 'bt_gflops'>): Promise<DeviceProduct>;
  close(): void;
  /** Dawn's instance has to outlive its devices: collected before them, it takes the process with it. */
  readonly gpu: GPU;
};

/** Throws `no_webgpu` where Dawn's package or an adapter is missing. */
export async function openDevicePage(): Promise<DevicePage> {
  const gpu = await dawn();
  const backend = await createWebGpuBackend(gpu);
  // As the engine does it: on hardware with the matrix kernel that suits the adapter.
  await backend.tune({ get: async () => undefined, set: async () => {} }, 'bench').catch(() => {});
  return pageOf(backend, gpu);
}

function pageOf(backend: WebGpuBackend, gpu: GPU): DevicePage {
  return {
    gpu,
    adapter() {
      const { vendor, architecture, description, isFallbackAdapter, capabilities } = backend.info;
      const features = [...(capabilities?.features ?? [])];
      return { vendor, architecture, description, is_fallback_adapter: isFallbackAdapter, features };
    },
    async product(shape) {
      const { ms, bt_ms } = await ownMatmul(backend, shape, operands(shape));
      const operations = 2 * shape.m * shape.k * shape.n;
      return { ...shape, gflops: operations / (ms * 1e6), bt_gflops: operations / (bt_ms * 1e6) };
    },
    kernelNames: () => [...KERNEL_NAMES],
    kernel: (name) => benchKernel(backend, name),
    eigenFamilies: () => MATRIX_FAMILIES.map(({ name }) => name),
    eigen: (n, family, solver) => benchWebGpuEigen(backend, n, family, solver),
    async cpuEigen(n, family) {
      const host = createWasmBackend();
      return benchEigen(host, (args) => host.eigh(args), n, family).finally(() => host.dispose());
    },
    activationNames: () => [...ACTIVATION_NAMES],
    precision: (n, name) => benchPrecision(backend, n, name),
    close: () => backend.dispose(),
  };
}

async function dawn(): Promise<GPU> {
  try {
    const { create } = await import('webgpu');
    const gpu = create([]);
    if (await gpu.requestAdapter()) return gpu;
  } catch (cause) {
    throw noDevice('Dawn for Node (the package "webgpu") did not load.', cause);
  }
  throw noDevice('Dawn for Node finds no adapter.');
}

function noDevice(message: string, cause?: unknown): WhittleError {
  return new WhittleError(
    {
      code: 'no_webgpu',
      message,
      action:
        'Install the Vulkan loader and the driver of the card, and set VK_DRIVER_FILES to the driver’s file (…_icd.json) where it is not found by itself.',
    },
    { cause },
  );
}
