/** The dense model's logits, kept on a software adapter, in the place of a second pass of its head. */
import { afterAll, describe, expect, it, vi } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { compress, EXACT_SEQUENTIAL, seededText, testJob } from '../../test/support/slice_job.ts';
import type { Backend } from '../backend/backend.ts';
import { backendsUnderTest } from '../backend/testing.ts';
import { memoryScratch } from '../models/scratch.ts';
import { DenseInputs, evaluateBeside, evaluateDense, headWidth } from './compare.ts';
import { keepsLogits, keptLogitsBytes } from './kept_logits.ts';

const TEXTS = { calibration: seededText(5, 600), evaluation: seededText(6, 600) };
const WINDOWS = { seqlen: 16, samples: 2, eval_samples: 7 };

/** The same backend, told as a software adapter or not. */
function as(backend: Backend, isFallbackAdapter: boolean): Backend {
  return Object.create(backend, { info: { value: { ...backend.info, isFallbackAdapter } } });
}

const backends = (await backendsUnderTest()).filter(({ kind }) => kind !== 'cpu');

describe.each(backends)('kept logits on $kind', ({ create }) => {
  const opened = create();
  afterAll(async () => (await opened).dispose());

  it('are as good as the dense head run again, and gone when the inputs are', async () => {
    const backend = as(await opened, true);
    const job = await testJob(await tinyLlama(), TEXTS, WINDOWS);
    const { model } = await compress(backend, job, { sparsity: 0.25, ...EXACT_SEQUENTIAL, round: 2 });
    const before = backend.memory.currentBytes;
    const inputs = new DenseInputs(memoryScratch(), headWidth(job.model), WINDOWS.seqlen);
    await evaluateDense(backend, job.model, job.evaluation, inputs);
    const kept = backend.memory.currentBytes - before;
    const products = vi.spyOn(backend, 'matmul_bt');
    const beside = async () => {
      products.mockClear();
      const found = await evaluateBeside(backend, job.model, inputs, model, job.evaluation);
      const { windows } = found.evaluation;
      return { windows, divergence: found.divergence, products: products.mock.calls.length };
    };

    const given = await beside();
    // The second time, as they are left as they were.
    expect(await beside()).toEqual(given);
    inputs.kept.clear();
    expect(backend.memory.currentBytes).toBe(before);
    const again = await beside();
    expect({ ...again, products: 0 }).toEqual({ ...given, products: 0 });
    // A product less for each batch: one window, and the rest together.
    expect(again.products - given.products).toBe(2);
    const { shape } = job.model.lm_head.weight;
    expect(kept).toBe(keptLogitsBytes(backend.info, WINDOWS, shape, job.model.config));
    await inputs.clear();
  });

  it('are not kept where there is a GPU', async () => {
    const backend = as(await opened, false);
    const job = await testJob(await tinyLlama(), TEXTS, WINDOWS);
    const before = backend.memory.currentBytes;
    const inputs = new DenseInputs(memoryScratch(), headWidth(job.model), WINDOWS.seqlen);
    await evaluateDense(backend, job.model, job.evaluation, inputs);
    expect(backend.memory.currentBytes).toBe(before);
    expect(keptLogitsBytes(backend.info, WINDOWS, job.model.lm_head.weight.shape, job.model.config)).toBe(0);
  });
});

it('keeps them up to a budget, and only of vocabularies that are one block', () => {
  const info = { kind: 'webgpu', isFallbackAdapter: true, maxTensorBytes: 2 ** 30 } as const;
  const bytes = (eval_samples: number) =>
    keptLogitsBytes(info, { seqlen: 256, eval_samples }, [4096, 256], { hidden_size: 256, intermediate_size: 768 });
  expect(bytes(16)).toBe(4 * 4096 * (4096 + 4));
  expect(bytes(64)).toBe(96 * 2 ** 20);
  expect(keepsLogits(info, 4096, 256, 1024)).toBe(true);
  expect(keepsLogits(info, 49152, 576, 512)).toBe(false);
});
