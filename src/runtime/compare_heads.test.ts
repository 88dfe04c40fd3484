/** Two models' heads compared where the logits lie, against the sums in f64 on the host. */
import { afterAll, describe, expect, it } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { seededText, testJob } from '../../test/support/slice_job.ts';
import type { Backend } from '../backend/backend.ts';
import { COMPARED, comparedRow } from '../backend/compared_logits.ts';
import { createCpuBackend } from '../backend/cpu/cpu_backend.ts';
import { randomIds, randomValues } from '../backend/testing.ts';
import { createNodeCrew } from '../backend/wasm/testing.ts';
import { createWasmBackend } from '../backend/wasm/wasm_backend.ts';
import { memoryScratch } from '../models/scratch.ts';
import { DenseInputs, evaluateBeside, evaluateDense, headWidth } from './compare.ts';
import { DivergenceSums, tokenDivergence } from './divergence.ts';
import { evaluate, summarize } from './perplexity.ts';

const backends: [string, Backend][] = [
  ['one thread', createWasmBackend()],
  ['two threads', createWasmBackend(await createNodeCrew(1))],
];
const reference = createCpuBackend();
afterAll(() => {
  for (const [, backend] of backends) backend.dispose();
});

const TEXTS = { calibration: seededText(5, 600), evaluation: seededText(6, 600) };

describe.each(backends)('logits compared on %s', (_, backend) => {
  /** Tokens of a vocabulary in blocks of these sizes. */
  async function compared(dense: Float32Array, own: Float32Array, rows: number, blocks: readonly number[]) {
    const n = blocks.reduce((sum, size) => sum + size, 0);
    const targets = Uint32Array.from(randomIds(rows, n, 3));
    const sums = new DivergenceSums(targets);
    const state = backend.empty([rows, COMPARED], 'state');
    const target_ids = backend.fromIds(targets, 'targets');
    let first = 0;
    for (const size of blocks) {
      const block = (all: Float32Array) =>
        Float32Array.from({ length: rows * size }, (_, i) => all[Math.floor(i / size) * n + first + (i % size)]);
      const [a, b] = [block(dense), block(own)];
      sums.add(a, b, first);
      const tensors = [a, b].map((values) => backend.fromArray(values, [rows, size], 'logits'));
      backend.compare_logits!({ dense: tensors[0], own: tensors[1], target_ids, first_column: first, state });
      first += size;
    }
    const found = await backend.read(state);
    return Array.from(
      { length: rows },
      (_, row) => [tokenDivergence(comparedRow(found, row)), sums.token(row)] as const,
    );
  }

  it.each([[[7]], [[4100, 1, 333]], [[64, 9000]]])('are what the host finds, in blocks of %j', async (blocks) => {
    const [rows, n] = [9, blocks.reduce((sum, size) => sum + size, 0)];
    const dense = Float32Array.from(randomValues(rows * n, 1), (value) => 12 * value);
    const own = Float32Array.from(randomValues(rows * n, 2), (value, i) => dense[i] + 3 * value);
    for (const [found, expected] of await compared(dense, own, rows, blocks)) {
      expect(found.kl).toBeCloseTo(expected.kl, 11);
      expect(found.loss).toBeCloseTo(expected.loss, 11);
      expect(found.probability_change).toBeCloseTo(expected.probability_change, 12);
      expect(found.agrees).toBe(expected.agrees);
    }
  });

  it('leave a divergence of 10⁻⁸ its digits, and none where the two are the same', async () => {
    const [rows, n] = [4, 5000];
    const dense = Float32Array.from(randomValues(rows * n, 1), (value) => 10 * value);
    const own = Float32Array.from(randomValues(rows * n, 2), (value, i) => dense[i] + 1e-4 * value);
    for (const [found, expected] of await compared(dense, own, rows, [3000, 2000])) {
      expect(expected.kl).toBeLessThan(1e-7);
      expect(Math.abs(found.kl / expected.kl - 1)).toBeLessThan(1e-4);
    }
    for (const [found] of await compared(dense, dense, rows, [5000])) {
      expect(found.kl).toBeLessThan(1e-13);
      expect(found.agrees).toBe(true);
    }
  });

  it('hold with logits of ±10³⁰ and −∞', async () => {
    const dense = Float32Array.of(1e30, 0, -1e30, 5, 1, 2, 3, 4);
    const own = Float32Array.of(1e30, 1, -1e30, 5, -1e4, 2, 3, 4);
    for (const [found, expected] of await compared(dense, own, 2, [4])) {
      expect(found.kl).toBeCloseTo(expected.kl, 9);
      expect(found.agrees).toBe(true);
    }
  });

  it('come with the losses of the model, which are those of an evaluation by itself', async () => {
    const sizes = { seqlen: 16, samples: 1, eval_samples: 5 };
    const job = await testJob(await tinyLlama({ seed: 1 }), TEXTS, sizes);
    const { model: other } = await testJob(await tinyLlama({ seed: 2 }), TEXTS, sizes);
    const beside = async (on: Backend) => {
      const inputs = new DenseInputs(memoryScratch(), headWidth(job.model), 16);
      await evaluateDense(on, job.model, job.evaluation, inputs);
      return evaluateBeside(on, job.model, inputs, other, job.evaluation);
    };
    const { evaluation, divergence } = await beside(backend);
    expect(evaluation.windows).toEqual((await evaluate(backend, other, job.evaluation)).windows);
    const expected = await beside(reference);
    expect(divergence.kl_divergence / expected.divergence.kl_divergence).toBeCloseTo(1, 4);
    const perplexity = (of: typeof evaluation) => summarize(of.windows.map(({ loss }) => loss)).perplexity;
    expect(perplexity(evaluation) / perplexity(expected.evaluation)).toBeCloseTo(1, 5);
    expect(evaluation.tokens_per_second).toBeGreaterThan(0);
  });
});
