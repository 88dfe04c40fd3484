/** @file Help for tests that run on every backend. Only tests and tools import this: it loads Dawn. */
import type { Backend, BackendKind, Tensor } from './backend.ts';
import { createCpuBackend } from './cpu/cpu_backend.ts';
import { sharingGpu } from './shared_device.ts';
import { createWasmBackend } from './wasm/wasm_backend.ts';
import type { DeviceBounds } from './webgpu/device.ts';
import { createWebGpuBackend, type WebGpuBackend } from './webgpu/webgpu_backend.ts';

/** WHITTLE_FULL=1: every row of every table. Else tests whose kind others show too wait, where a software adapter needs long. */
export const isFull = process.env.WHITTLE_FULL === '1';

/** Dawn's instance must outlive its adapters and devices: collected too early, it takes the process with it. */
let instance: Promise<GPU | undefined> | undefined;

/** WebGPU in Node by Dawn, or undefined (with a message) where the package or an adapter is missing. */
export function createNodeGpu(): Promise<GPU | undefined> {
  instance ??= findNodeGpu();
  return instance;
}

async function findNodeGpu(): Promise<GPU | undefined> {
  try {
    const { create } = await import('webgpu');
    const gpu = create([]);
    if (await gpu.requestAdapter()) return gpu;
  } catch (cause) {
    console.warn('Dawn did not load:', cause);
  }
  console.warn(
    'WebGPU tests are skipped: Dawn finds no adapter. Set VK_ICD_FILENAMES to a Vulkan driver, for example the vk_swiftshader_icd.json that comes with Chromium.',
  );
  return undefined;
}

let sharing: GPU | undefined;

/** A WebGPU backend in Node, or undefined where there is no adapter. All share one device, and what it compiled. */
export async function createNodeWebGpuBackend(bounds?: DeviceBounds): Promise<WebGpuBackend | undefined> {
  const gpu = await createNodeGpu();
  if (!gpu) return undefined;
  sharing ??= sharingGpu(gpu);
  return createWebGpuBackend(sharing, bounds);
}

/** `cpu` is the f64 reference, `wasm` what people get as the CPU backend. */
export type TestedKind = BackendKind | 'wasm';

export interface BackendUnderTest {
  kind: TestedKind;
  create: () => Promise<Backend>;
}

/**
 * The backends that tests run on here: always both of the CPU, and WebGPU where Dawn gives an adapter. For
 * `describe.each(await backendsUnderTest())('on $kind', …)`.
 */
export async function backendsUnderTest(): Promise<BackendUnderTest[]> {
  const backends: BackendUnderTest[] = [
    { kind: 'cpu', create: async () => createCpuBackend() },
    { kind: 'wasm', create: async () => createWasmBackend() },
  ];
  if (await createNodeGpu())
    backends.push({ kind: 'webgpu', create: async () => (await createNodeWebGpuBackend()) as WebGpuBackend });
  return backends;
}

/** Uniform numbers in [−1, 1) from a seed, rounded to f32 so that every backend starts from the same values (mulberry32). */
export function randomValues(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

/** Whole numbers in [0, limit) from a seed. */
export function randomIds(count: number, limit: number, seed: number): Uint32Array {
  return Uint32Array.from(randomValues(count, seed), (value) => Math.floor(((value + 1) / 2) * limit));
}

/** Normalised mean square error Σ(found − expected)² / Σ expected²; 0 where both are zero throughout. */
export function normalisedError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let error = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (found[i] - expected[i]) ** 2;
    size += expected[i] ** 2;
  }
  if (!Number.isFinite(error)) return Number.POSITIVE_INFINITY;
  return error === 0 ? 0 : error / size;
}

/** Largest |found − expected|; infinite where a value is not finite or a length differs. */
export function maxAbsDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(found[i] - expected[i]);
    if (!(difference <= most)) most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return most;
}

export interface Twins {
  webgpu: WebGpuBackend;
  cpu: Backend;
  /** Stems of the kernels that WebGPU dispatched in the last `run`, each once. */
  readonly kernels: ReadonlySet<string>;
  /** What both backends read back from the same kernel calls: [WebGPU's, the f64 reference's]. */
  run(calls: (backend: Backend) => Tensor): Promise<[found: ArrayLike<number>, expected: ArrayLike<number>]>;
}

/** A WebGPU backend beside its f64 twin, or undefined where there is no adapter. */
export async function openTwins(): Promise<Twins | undefined> {
  const webgpu = await createNodeWebGpuBackend();
  if (!webgpu) return undefined;
  const cpu = createCpuBackend();
  const kernels = new Set<string>();
  const { context } = webgpu;
  const dispatch = context.dispatch.bind(context);
  context.dispatch = (definition, ...rest) => {
    kernels.add(definition.name);
    dispatch(definition, ...rest);
  };
  return {
    webgpu,
    cpu,
    kernels,
    async run(calls) {
      kernels.clear();
      const [found, expected] = [calls(webgpu), calls(cpu)];
      const values: [ArrayLike<number>, ArrayLike<number>] = [await webgpu.read(found), await cpu.read(expected)];
      found.dispose();
      expected.dispose();
      return values;
    },
  };
}
