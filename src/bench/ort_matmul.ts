/**
 * @file onnxruntime-web's own WebGPU product, for comparison: a model of one MatMul node, its operands and its result in
 * device memory, so that only the product is timed.
 */
import * as ort from 'onnxruntime-web/webgpu';
import type { MatmulShape } from './figures.ts';
import { matmulModel } from './ort_model.ts';
import { medianMs } from './timing.ts';

function upload(device: GPUDevice, values: Float32Array, dims: number[]): ort.Tensor {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const gpuBuffer = device.createBuffer({ size: Math.ceil(values.byteLength / 16) * 16, usage });
  device.queue.writeBuffer(gpuBuffer, 0, values as Float32Array<ArrayBuffer>);
  return ort.Tensor.fromGpuBuffer(gpuBuffer as never, {
    dataType: 'float32',
    dims,
    dispose: () => gpuBuffer.destroy(),
  });
}

/** Milliseconds of one product, and the product. */
export async function ortMatmul(shape: MatmulShape, a: Float32Array, b: Float32Array) {
  const session = await ort.InferenceSession.create(await matmulModel(shape), {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
  });
  const device = (await ort.env.webgpu.device) as unknown as GPUDevice;
  const feeds = { a: upload(device, a, [shape.m, shape.k]), b: upload(device, b, [shape.k, shape.n]) };
  try {
    const ms = await medianMs(
      async () => (await session.run(feeds)).y.dispose(),
      () => device.queue.onSubmittedWorkDone(),
    );
    const { y } = await session.run(feeds);
    const product = (await y.getData(true)) as Float32Array;
    return { ms, product };
  } finally {
    feeds.a.dispose();
    feeds.b.dispose();
    await session.release();
  }
}
