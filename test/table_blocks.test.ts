/**
 * Tables and heads that are taken in several blocks, as those of every real model are: the same numbers as in one block. A
 * backend with small tensors stands for a table of millions of rows.
 */
import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import type { HeadKind } from '../src/compress/slicegpt/plan.ts';
import { tableBlockRows, vocabularyBlockRows } from '../src/runtime/budgets.ts';
import { family } from './fixtures/families/family_model.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { familyJob } from './support/golden.ts';
import {
  compress,
  EXACT_SEQUENTIAL,
  perplexity,
  relativeDifference,
  seededText,
  type TestJob,
  testJob,
} from './support/slice_job.ts';

const BLOCK_BYTES = 4 * 40 * 64;

/** The CPU backend, telling of smaller tensors than it can have. */
function smallBackend(): Backend {
  const backend = createWasmBackend();
  return Object.assign(backend, { info: { ...backend.info, maxTensorBytes: BLOCK_BYTES } });
}

async function measured(job: TestJob, backend: Backend, head: HeadKind) {
  const dense = await perplexity(backend, job.model, job.evaluation);
  const { model } = await compress(backend, job, { ...EXACT_SEQUENTIAL, sparsity: 0.25, head });
  const sliced = await perplexity(backend, model, job.evaluation);
  backend.dispose();
  return { dense, sliced };
}

async function expectSame(job: TestJob, head: HeadKind) {
  const [vocabulary, columns] = job.model.lm_head.weight.shape;
  expect(tableBlockRows(columns, BLOCK_BYTES)).toBeLessThan(vocabulary / 2);
  expect(vocabularyBlockRows(vocabulary, columns, job.evaluation.seqlen, BLOCK_BYTES)).toBeLessThan(vocabulary / 2);
  const small = await measured(job, smallBackend(), head);
  const whole = await measured(job, createWasmBackend(), head);
  expect(relativeDifference(small.dense, whole.dense)).toBeLessThan(1e-6);
  expect(relativeDifference(small.sliced, whole.sliced)).toBeLessThan(1e-4);
}

describe('tables in blocks', () => {
  it.each<HeadKind>(['untied', 'tied', 'sliced', 'tied-sliced'])('of a model with the %s head', async (head) => {
    const files = await tinyLlama({ hidden_size: 64, vocab_size: 300 });
    const texts = { calibration: seededText(1, 300), evaluation: seededText(2, 100) };
    await expectSame(await testJob(files, texts, { seqlen: 32, samples: 4, eval_samples: 2 }), head);
  });

  it('of a model whose head has a bias', async () => {
    const job = await familyJob(await family('gptj'));
    expect(job.model.lm_head.bias).toBeDefined();
    await expectSame(job, 'untied');
  });
});

describe('weights that half precision cannot hold', () => {
  it('are stored as F32, and the sliced model computes what it should', async () => {
    // A row of a table whose rotation stays large: 60,000 in many columns sums to more than 65,504 in a principal direction.
    const files = await tinyLlama({
      hidden_size: 64,
      vocab_size: 300,
      dtype: 'F16',
      edit: (tensors) =>
        tensors.map((tensor) => {
          if (tensor.name !== 'model.embed_tokens.weight') return tensor;
          const values = tensor.values.slice();
          values.fill(30_000, 299 * 64, 300 * 64);
          return { ...tensor, values };
        }),
    });
    const texts = { calibration: seededText(1, 300), evaluation: seededText(2, 100) };
    const job = await testJob(files, texts, { seqlen: 32, samples: 4, eval_samples: 2 });
    const backend = createWasmBackend();
    const { model } = await compress(backend, job, { ...EXACT_SEQUENTIAL, sparsity: 0, head: 'untied' });
    backend.dispose();
    const bytes = await model.embed_tokens.weight.read();
    expect(model.embed_tokens.weight.dtype).toBe('F32');
    const stored = new Float32Array(bytes.slice().buffer);
    expect(stored.every(Number.isFinite)).toBe(true);
    const norm = Math.hypot(...stored.subarray(299 * 64, 300 * 64));
    expect(relativeDifference(norm, 30_000 * 8)).toBeLessThan(1e-4);
  });
});
