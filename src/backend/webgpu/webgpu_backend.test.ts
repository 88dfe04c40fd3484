import { describe, expect, it, vi } from 'vitest';
import type { WhittleError } from '../../errors/errors.ts';
import { createNodeGpu, randomValues } from '../testing.ts';
import { requestWebGpuDevice } from './device.ts';
import { defineKernel } from './kernel.ts';
import { createWebGpuBackend, WebGpuBackend } from './webgpu_backend.ts';

const gpu = await createNodeGpu();

/** A GPU whose adapter and devices are as Dawn's, except for what `patch` changes. */
function gpuWith(patch: (device: GPUDevice) => void): GPU {
  return {
    async requestAdapter() {
      const adapter = await gpu!.requestAdapter();
      const request = adapter!.requestDevice.bind(adapter);
      adapter!.requestDevice = async (descriptor) => {
        const device = await request(descriptor);
        patch(device);
        return device;
      };
      return adapter;
    },
  } as GPU;
}

describe('getting a device', () => {
  it('says what to do where the browser has no WebGPU', async () => {
    await expect(createWebGpuBackend(undefined)).rejects.toMatchObject({
      code: 'no_webgpu',
      action: expect.stringContaining('backend "cpu"'),
    });
  });

  it('says what to do where there is no adapter', async () => {
    const blind = { requestAdapter: async () => null } as unknown as GPU;
    await expect(createWebGpuBackend(blind)).rejects.toMatchObject({
      code: 'no_webgpu',
      message: expect.stringContaining('no GPU adapter'),
    });
  });

  it.skipIf(!gpu)('asks for the adapter’s own limits and says what it got', async () => {
    const adapter = await gpu!.requestAdapter();
    const { device, info } = await requestWebGpuDevice(gpu);
    expect(device.limits.maxStorageBufferBindingSize).toBe(adapter!.limits.maxStorageBufferBindingSize);
    expect(info.maxTensorBytes).toBeGreaterThan(128 * 2 ** 20);
    expect(info).toMatchObject({ kind: 'webgpu', vendor: expect.stringMatching(/./) });
    // All else as every WebGPU has it, so that these tests fail where a kernel needs more.
    expect(device.limits).toMatchObject({
      maxComputeWorkgroupStorageSize: 16_384,
      maxComputeInvocationsPerWorkgroup: 256,
      maxStorageBuffersPerShaderStage: 8,
    });
    device.destroy();
  });

  it.skipIf(!gpu)(
    'takes an adapter of hardware that lacks a limit, subgroups and information about itself',
    async () => {
      const real = await gpu!.requestAdapter();
      let asked: GPUDeviceDescriptor | undefined;
      const old = {
        limits: { maxBufferSize: real!.limits.maxBufferSize },
        features: real!.features,
        requestDevice: (descriptor: GPUDeviceDescriptor) => {
          asked = descriptor;
          return real!.requestDevice(descriptor);
        },
      };
      const { device, info, subgroupMinSize } = await requestWebGpuDevice({
        requestAdapter: async () => old,
      } as unknown as GPU);
      // Of hardware subgroups are not asked for.
      const requiredFeatures = real!.features.has('timestamp-query') ? ['timestamp-query'] : [];
      expect(asked).toEqual({ requiredLimits: old.limits, requiredFeatures });
      expect(info).toMatchObject({ vendor: '', architecture: '', description: '', isFallbackAdapter: false });
      expect(subgroupMinSize).toBe(0);
      device.destroy();
    },
  );
});

describe.skipIf(!gpu)('memory on webgpu', () => {
  it('is counted in allocated bytes, with its peak, and is back at the start when all is freed', async () => {
    const backend = await createWebGpuBackend(gpu);
    const start = backend.memory.currentBytes;
    const a = backend.fromArray(randomValues(64, 1), [8, 8], 'a');
    const output = backend.empty([8, 8], 'output');
    const odd = backend.empty([3], 'odd');
    expect(backend.memory.currentBytes - start).toBe(256 + 256 + 16); // rounded up to whole vec4
    backend.matmul({ a, b: a, output });
    for (const tensor of [a, output, odd]) tensor.dispose();
    odd.dispose();
    expect(backend.memory.currentBytes).toBe(start);
    expect(backend.memory.peakBytes - start).toBe(528);
    await backend.sync();
    expect(backend.memory.currentBytes).toBe(start);
    backend.dispose();
    expect(backend.memory.currentBytes).toBe(0);
  });

  it('gives back the stored bytes of a decoded weight with the batch that used them', async () => {
    const backend = await createWebGpuBackend(gpu);
    const start = backend.memory.currentBytes;
    // Two blocks of 32 codes, a byte each, and a half float.
    const weight = backend.decode(new Uint8Array(2 * 34), 'Q8_0', [2, 32], 'weight');
    expect(backend.memory.currentBytes - start).toBe(256 + 80);
    backend.flush();
    expect(backend.memory.currentBytes - start).toBe(256);
    weight.dispose();
    backend.dispose();
  });

  it('frees a tensor that enqueued work still uses without spoiling the work', async () => {
    const backend = await createWebGpuBackend(gpu);
    const a = backend.fromArray([1, 2, 3, 4], [4], 'a');
    const output = backend.empty([4], 'output');
    backend.add({ a, b: a, output });
    a.dispose();
    expect([...(await backend.read(output))]).toEqual([2, 4, 6, 8]);
    expect(() => backend.add({ a, b: a, output })).toThrowError(expect.objectContaining({ code: 'internal' }));
    backend.dispose();
  });

  it('refuses a tensor above the limit of the adapter, with both numbers', async () => {
    const backend = await createWebGpuBackend(gpu);
    const { maxTensorBytes } = backend.info;
    expect(() => backend.empty([maxTensorBytes / 4 + 1], 'huge')).toThrowError(
      expect.objectContaining({
        code: 'limit_exceeded',
        message: expect.stringContaining(String(maxTensorBytes + 16)),
        allowed: expect.stringContaining(String(maxTensorBytes)),
        place: { tensor: 'huge' },
      }),
    );
    backend.dispose();
  });

  it('reports memory that ran out at the next sync, naming the tensor', async () => {
    const exhausted = gpuWith((device) => {
      let isTensor = false;
      const create = device.createBuffer.bind(device);
      const pop = device.popErrorScope.bind(device);
      device.createBuffer = (descriptor) => {
        isTensor = descriptor.label === 'too much';
        return create(descriptor);
      };
      device.popErrorScope = async () => {
        const isExhausted = isTensor;
        isTensor = false;
        const error = await pop();
        return isExhausted ? ({ message: 'no memory left' } as GPUError) : error;
      };
    });
    const backend = await createWebGpuBackend(exhausted);
    backend.empty([1024], 'too much').dispose();
    await expect(backend.sync()).rejects.toMatchObject({ code: 'out_of_memory', place: { tensor: 'too much' } });
    await backend.sync(); // reported once; a smaller job may go on
    backend.dispose();
  });
});

describe.skipIf(!gpu)('faults on webgpu', () => {
  const broken = defineKernel({
    name: 'broken',
    source: '// A kernel that does not compile.\n@compute @workgroup_size(1) fn main() { let x = nothing; }',
    storage: { values: 'read_write' },
    params: {},
    overrides: {},
    grid: () => 1,
  });

  it('reports a kernel that does not compile, with the line, whenever it is used', async () => {
    const backend = await createWebGpuBackend(gpu);
    const values = backend.empty([4], 'values');
    for (let use = 0; use < 2; use++) {
      broken(backend.context, { values });
      await expect(backend.sync()).rejects.toMatchObject({
        code: 'shader_error',
        message: expect.stringMatching(/broken .*line 2:\d+: unresolved value 'nothing'/),
        place: { file: 'shaders/broken.wgsl' },
      });
    }
    backend.dispose();
  });

  it('reports a lost device with its reason, from then on', async () => {
    const backend = await createWebGpuBackend(gpu);
    const tensor = backend.fromArray([1], [1], 'one');
    backend.context.device.destroy();
    await expect(backend.sync()).rejects.toMatchObject({
      code: 'device_lost',
      message: expect.stringContaining('destroyed'),
    });
    await expect(backend.read(tensor)).rejects.toMatchObject({ code: 'device_lost' });
    expect(() => backend.empty([1], 'after')).toThrowError(expect.objectContaining({ code: 'device_lost' }));
    backend.dispose();
  });

  it('reports a fault outside every error scope at the next sync, once', async () => {
    const backend = await createWebGpuBackend(gpu);
    const tensor = backend.context.tensor([4], 'f32', 'four');
    backend.context.upload(tensor, new Uint8Array(64)); // past the end: only the device can say so
    await expect(backend.sync()).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/rejected a command: .*64/s),
    });
    expect([...(await backend.read(tensor))]).toEqual([0, 0, 0, 0]);
    backend.dispose();
  });

  it('refuses tensors of another backend', async () => {
    const [one, two] = [await createWebGpuBackend(gpu), new WebGpuBackend(await requestWebGpuDevice(gpu))];
    const foreign = { shape: [1], type: 'f32', label: 'foreign', dispose() {} } as const;
    let thrown: WhittleError | undefined;
    try {
      one.copy(foreign, one.empty([1], 'own'));
    } catch (error) {
      thrown = error as WhittleError;
    }
    expect(thrown).toMatchObject({ code: 'internal', place: { tensor: 'foreign' } });
    one.dispose();
    two.dispose();
  });
});

describe.skipIf(!gpu)('batches on webgpu', () => {
  it('runs thousands of dispatches in order and reads what the last one left', async () => {
    const backend = await createWebGpuBackend(gpu);
    const a = backend.fromArray([0, 1, 2, 3, 4], [5], 'a');
    const b = backend.fromArray([1, 1, 1, 1, 1], [5], 'b');
    for (let i = 0; i < 3000; i++) backend.add({ a, b, output: a });
    expect([...(await backend.read(a))]).toEqual([3000, 3001, 3002, 3003, 3004]);
    backend.dispose();
  });

  it('submits before the work of a batch grows beyond what a watchdog waits for', async () => {
    const share = defineKernel({
      name: 'share_of_a_batch',
      source:
        'struct Params { work: u32 }\n@group(0) @binding(0) var<storage, read_write> values: array<u32>;\n@group(1) @binding(0) var<uniform> params: Params;\n@compute @workgroup_size(1) fn main() { values[0] += params.work; }',
      storage: { values: 'read_write' },
      params: { work: 'u32' },
      overrides: {},
      grid: () => 1,
      work: ({ work }) => work * 1e7,
    });
    const backend = await createWebGpuBackend(gpu);
    const { queue } = backend.context.device;
    const submits = vi.spyOn(queue, 'submit');
    const values = backend.emptyIds(1, 'values');
    const work = backend.info.isFallbackAdapter ? 30 : 1500; // three quarters of a batch
    for (let dispatches = 1; dispatches <= 3; dispatches++) {
      share(backend.context, { values, work });
      expect(submits).toHaveBeenCalledTimes(dispatches - 1);
    }
    expect([...(await backend.read(values))]).toEqual([3 * work]);
    backend.dispose();
  });

  it('keeps the order of dispatches and copies', async () => {
    const backend = await createWebGpuBackend(gpu);
    const a = backend.fromArray([1, 2], [2], 'a');
    const b = backend.empty([2], 'b');
    backend.copy(a, b);
    backend.add({ a, b, output: a });
    backend.copy(a, b);
    backend.add({ a, b, output: a });
    expect([...(await backend.read(a))]).toEqual([4, 8]);
    expect([...(await backend.read(b))]).toEqual([2, 4]);
    backend.dispose();
  });

  it('folds a line of workgroups that is longer than a dimension allows', async () => {
    const backend = await createWebGpuBackend(gpu);
    const n = 65_535 * 64 + 70; // one workgroup more than fits
    const a = backend.fromArray(new Float32Array(n).fill(1), [n], 'a');
    backend.add({ a, b: backend.fromArray(new Float32Array(n).fill(2), [n], 'b'), output: a });
    const sum = await backend.read(a);
    expect(sum.findIndex((value) => value !== 3)).toBe(-1);
    backend.dispose();
  });
});
