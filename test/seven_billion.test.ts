/** A model of Llama-2-7B's size from sparse files: opening reads headers, reading a weight reads that weight. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { estimateEvaluation, estimateSlicing } from '../src/compress/slicegpt/estimate.ts';
import { modelShape } from '../src/compress/slicegpt/model_shape.ts';
import { slicedParts, totalElements } from '../src/compress/slicegpt/parts.ts';
import { constantDimensions, sliceDimension } from '../src/compress/slicegpt/plan.ts';
import { countParameters, modelBytes } from '../src/models/model_size.ts';
import { type OpenModel, openModel } from '../src/models/open_model.ts';
import { type SparseModel, sparseLlama } from './support/sparse_model.ts';

const [V, D, F, L] = [32000, 4096, 11008, 32];
const LLAMA_2_7B = {
  vocab_size: V,
  hidden_size: D,
  intermediate_size: F,
  num_hidden_layers: L,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  tie_word_embeddings: false,
};

describe('a model of 7 billion parameters', () => {
  let sparse: SparseModel;
  let opened: OpenModel;
  let grownBytes: number;

  beforeAll(async () => {
    sparse = await sparseLlama(LLAMA_2_7B);
    const before = process.memoryUsage().arrayBuffers;
    opened = await openModel(sparse.files);
    grownBytes = process.memoryUsage().arrayBuffers - before;
  });
  afterAll(() => sparse.remove());

  it('opens from its headers: a thousandth of a layer in memory', () => {
    expect(countParameters(opened.model)).toBe(6_738_415_616);
    expect(modelBytes(opened.model)).toBe(2 * 6_738_415_616);
    expect(opened.warnings).toEqual([]);
    expect(grownBytes).toBeLessThan(sparse.layerBytes / 1000);
  });

  it('reads one weight, or some of its rows, and nothing else', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const { weight } = opened.model.layers[31].mlp.down_proj;
    const bytes = await weight.read();
    expect(bytes.byteLength).toBe(2 * D * F);
    expect(bytes[12_345_678]).toBe(0);
    expect((await opened.model.lm_head.weight.read({ start: V - 8, end: V })).byteLength).toBe(8 * D * 2);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(sparse.layerBytes);
  });

  it('has the plan that the formulas of the official code give at 25 %', () => {
    const shape = modelShape(opened.model);
    const d = sliceDimension(D, 0.25, 8);
    expect(d).toBe(3072);
    const planned = totalElements(slicedParts(shape, constantDimensions(shape, d, 'untied'), 'untied'));
    const layer = (out: number) => 3 * D * d + d * D + 2 * F * d + out * F + d * d + d * out;
    expect(planned).toBe((L - 1) * layer(d) + layer(D) + V * d + V * D);
    // notes: 15.3 % smaller than the original
    expect(100 * (1 - planned / countParameters(opened.model))).toBeCloseTo(15.3, 1);
  });

  it('calibrates on 128 × 2048 tokens and is sliced within 2.5 GB of device memory, with states in storage', () => {
    const shape = modelShape(opened.model);
    const dimensions = constantDimensions(shape, sliceDimension(D, 0.25, 8), 'untied');
    const plan = {
      backend: { kind: 'webgpu', architecture: '', isFallbackAdapter: false, maxTensorBytes: 2 ** 31 },
      windows: { seqlen: 2048, samples: 128, eval_samples: 16 },
    } as const;
    const states = 128 * 2048 * D * 4;
    for (const schedule of ['sequential', 'rotate-once'] as const) {
      const slicing = { ...plan, schedule, head: 'untied', dimensions } as const;
      const { device_bytes, breakdown, storage, host } = estimateSlicing(shape, slicing);
      expect(device_bytes, schedule).toBeLessThan(2.5e9);
      // Not by leaving something out: at least the MLP of a layer and the matrices of three sites.
      expect(device_bytes, schedule).toBeGreaterThan(4 * (3 * D * F + 3 * D * D));
      expect(Object.values(breakdown).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(device_bytes);
      expect(storage.spill).toBeGreaterThanOrEqual(states - 512 * 2 ** 20);
      expect(storage.spill).toBeLessThan(states);
      expect(host.stored_layer).toBeLessThanOrEqual(sparse.layerBytes);
      // Without storage for the states there is no room for them.
      const kept = estimateSlicing(shape, { ...slicing, stateBudgetBytes: Number.POSITIVE_INFINITY });
      expect(kept.device_bytes).toBeGreaterThan(states);
      expect(kept.storage.spill).toBe(0);
    }
    expect(estimateEvaluation(shape, plan).device_bytes).toBeLessThan(2.5e9);
    expect(estimateEvaluation(shape, plan, { head: 'untied', dimensions }).device_bytes).toBeLessThan(2.5e9);
  });
});
