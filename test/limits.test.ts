/** A device whose largest binding is below a weight and below a square of the hidden size runs the whole job all the same. */
import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeGpu, createNodeWebGpuBackend } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import type { WebGpuBackend } from '../src/backend/webgpu/webgpu_backend.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import {
  compress,
  EXACT_SEQUENTIAL,
  perplexity,
  relativeDifference,
  seededText,
  testJob,
} from './support/slice_job.ts';

const [D, F] = [96, 128];
const gpu = await createNodeGpu();

describe.skipIf(!gpu)('a device of small bindings', () => {
  it('measures and slices a model as a large one does', async () => {
    const files = await tinyLlama({
      hidden_size: D,
      intermediate_size: F,
      num_attention_heads: 4,
      num_hidden_layers: 2,
      vocab_size: 300,
      dtype: 'F16',
    });
    const texts = { calibration: seededText(1, 300), evaluation: seededText(2, 100) };
    const job = await testJob(files, texts, { seqlen: 32, samples: 6, eval_samples: 1 });
    const measured = async (backend: Backend) => {
      const dense = await perplexity(backend, job.model, job.evaluation);
      const sliced = await compress(backend, job, { ...EXACT_SEQUENTIAL, sparsity: 0.25, head: 'sliced' });
      const result = { dense, sliced: await perplexity(backend, sliced.model, job.evaluation) };
      backend.dispose();
      return result;
    };
    const limit = 4 * 64 * F;
    expect(limit).toBeLessThan(4 * D * D);
    const webgpu = (await createNodeWebGpuBackend({ maxTensorBytes: limit })) as WebGpuBackend;
    let largest = 0;
    const { memory } = webgpu.context;
    const tensor = memory.tensor.bind(memory);
    memory.tensor = (...request) => {
      const made = tensor(...request);
      largest = Math.max(largest, made.bytes);
      return made;
    };
    // Batches of 6 windows are 192 rows, which attention takes in parts of whole windows.
    const small = await measured(webgpu);
    const large = await measured(createWasmBackend());
    expect(largest).toBeGreaterThan(limit / 2);
    expect(largest).toBeLessThanOrEqual(limit);
    expect(relativeDifference(small.dense, large.dense)).toBeLessThan(1e-4);
    expect(relativeDifference(small.sliced, large.sliced)).toBeLessThan(1e-3);
  });
});
