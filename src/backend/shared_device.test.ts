import { afterAll, describe, expect, it, vi } from 'vitest';
import { sharingGpu } from './shared_device.ts';
import { createNodeGpu, randomValues } from './testing.ts';
import { defineKernel } from './webgpu/kernel.ts';
import { createWebGpuBackend, type WebGpuBackend } from './webgpu/webgpu_backend.ts';

const gpu = await createNodeGpu();

/** A sharing GPU, and how often its device compiled. */
async function counted() {
  const compile = vi.fn();
  const counting = {
    async requestAdapter(options?: GPURequestAdapterOptions) {
      const adapter = await gpu!.requestAdapter(options);
      const request = adapter!.requestDevice.bind(adapter);
      adapter!.requestDevice = async (descriptor) => {
        const device = await request(descriptor);
        const create = device.createComputePipeline.bind(device);
        device.createComputePipeline = (pipeline) => {
          compile(pipeline.label);
          return create(pipeline);
        };
        return device;
      };
      return adapter;
    },
  } as GPU;
  const sharing = sharingGpu(counting);
  return { compile, open: () => createWebGpuBackend(sharing) };
}

async function doubled(backend: WebGpuBackend): Promise<number[]> {
  const values = backend.fromArray(randomValues(8, 1), [8], 'values');
  const output = backend.empty([8], 'output');
  backend.add({ a: values, b: values, output });
  return [...(await backend.read(output))];
}

const faulty = defineKernel({
  name: 'faulty',
  source: '@compute @workgroup_size(1) fn main() { let x = nothing; }',
  storage: { values: 'read_write' },
  params: {},
  overrides: {},
  grid: () => 1,
});

describe.skipIf(!gpu)('a shared device', () => {
  const opened: WebGpuBackend[] = [];
  afterAll(() => {
    for (const backend of opened) backend.dispose();
  });

  it('compiles once for all, whoever destroyed it', async () => {
    const { compile, open } = await counted();
    const one = await open();
    const expected = Array.from(randomValues(8, 1), (value) => 2 * value);
    expect(await doubled(one)).toEqual(expected);
    const compiled = compile.mock.calls.length;
    expect(compiled).toBeGreaterThan(0);
    one.dispose();
    const two = await open();
    opened.push(two);
    expect(await doubled(two)).toEqual(expected);
    expect(compile).toHaveBeenCalledTimes(compiled);
    // It is gone for the first alone, with its memory.
    expect(one.memory.currentBytes).toBe(0);
    await expect(doubled(one)).rejects.toMatchObject({ code: 'device_lost' });
  });

  it('tells each of its users a fault, and none the faults of another that left', async () => {
    const { open } = await counted();
    const one = await open();
    const run = async (backend: WebGpuBackend) => {
      const values = backend.context.tensor([4], 'f32', 'values');
      faulty(backend.context, { values });
      await backend.read(values);
    };
    for (let time = 0; time < 2; time++) await expect(run(one)).rejects.toMatchObject({ code: 'shader_error' });
    const two = await open();
    opened.push(two);
    await expect(run(two)).rejects.toMatchObject({ code: 'shader_error' });
    // With a scope open that nobody else would close, and behind which nothing would be uncaptured.
    one.add({ a: one.empty([4], 'a'), b: one.empty([4], 'b'), output: one.empty([4], 'output') });
    one.dispose();
    const tensor = two.context.tensor([4], 'f32', 'small');
    two.context.device.queue.writeBuffer(tensor.buffer, 0, new Float32Array(64));
    await expect(two.sync()).rejects.toMatchObject({ code: 'internal' });
  });
});
