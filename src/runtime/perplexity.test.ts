import { describe, expect, it, vi } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import { compress, EXACT_SEQUENTIAL, seededText, testJob } from '../../test/support/slice_job.ts';
import type { Backend } from '../backend/backend.ts';
import { createCpuBackend } from '../backend/cpu/cpu_backend.ts';
import { backendsUnderTest } from '../backend/testing.ts';
import { evaluate, summarize } from './perplexity.ts';

const TEXTS = { calibration: seededText(5, 600), evaluation: seededText(6, 600) };

describe('evaluation', () => {
  it('leaves the first group, which also compiles shaders, out of the rate', async () => {
    const backend = createCpuBackend();
    const job = await testJob(await tinyLlama(), TEXTS, { seqlen: 16, samples: 1, eval_samples: 8 });
    const wait = 1500;
    vi.spyOn(backend, 'sync').mockImplementationOnce(() => new Promise((resolve) => setTimeout(resolve, wait)));
    const { tokens_per_second, windows } = await evaluate(backend, job.model, job.evaluation);
    expect(windows.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // Were the wait counted, the rate could not exceed all tokens over the wait alone.
    expect(tokens_per_second).toBeGreaterThan((8 * 16 * 1000) / wait);
  });

  it('times a single token on four layers of a kind, however many there are', async () => {
    const backend = createCpuBackend();
    const job = await testJob(await tinyLlama({ num_hidden_layers: 6 }), TEXTS, {
      seqlen: 16,
      samples: 1,
      eval_samples: 2,
    });
    const attention = vi.spyOn(backend, 'attention');
    const measured = await evaluate(backend, job.model, job.evaluation, { measuresDecoding: true });
    // Once to compile and three times for each.
    expect(attention.mock.calls.filter(([{ seqlen }]) => seqlen === 1).length).toBe(4 * 4);
    expect(measured.decode_tokens_per_second).toBeGreaterThan(0);
    expect((await evaluate(backend, job.model, job.evaluation)).windows).toEqual(measured.windows);
  });

  it('gives the same losses however windows are grouped', async () => {
    const backend = createCpuBackend();
    const job = await testJob(await tinyLlama(), TEXTS, { seqlen: 16, samples: 1, eval_samples: 7 });
    const { windows } = await evaluate(backend, job.model, job.evaluation);
    for (const { index, loss } of windows) {
      const ids = job.evaluation.ids.slice(index * 16, (index + 1) * 16);
      const alone = await evaluate(backend, job.model, { ...job.evaluation, ids, count: 1 });
      expect(alone.windows[0].loss).toBeCloseTo(loss, 12);
    }
  });

  it('begins with several windows where they are known to be soon through, with the same losses', async () => {
    const backend = createCpuBackend();
    const job = await testJob(await tinyLlama(), TEXTS, { seqlen: 16, samples: 1, eval_samples: 10 });
    const told = async (expected_rate?: number) => {
      const fractions: number[] = [];
      const onProgress = (fraction: number) => fractions.push(fraction);
      const { windows } = await evaluate(backend, job.model, job.evaluation, { expected_rate, onProgress });
      return { windows, groups: fractions.length / (job.model.layers.length + 1), first: fractions[0] };
    };
    const [alone, together, slow] = [await told(), await told(100), await told((8 * 16) / 13)];
    // One, eight and one; eight and two.
    expect(alone.groups).toBe(3);
    expect(together.groups).toBe(2);
    expect(together.first).toBeCloseTo(8 * alone.first, 12);
    expect(slow.first).toBe(alone.first);
    for (const { index, loss } of together.windows) expect(loss).toBeCloseTo(alone.windows[index].loss, 12);
    const few = await testJob(await tinyLlama(), TEXTS, { seqlen: 16, samples: 1, eval_samples: 3 });
    const onProgress = vi.fn();
    await evaluate(backend, few.model, few.evaluation, { expected_rate: 100, onProgress });
    // One and two: plans count with no more.
    expect(onProgress).toHaveBeenCalledTimes(2 * (few.model.layers.length + 1));
  });

  it('has perplexity 1 at no loss, and a spread that shrinks with the number of windows', () => {
    expect(summarize([0, 0, 0])).toEqual({ perplexity: 1, relative_spread: 0 });
    expect(summarize([1]).relative_spread).toBeNull();
    const few = summarize([1, 3]).relative_spread!;
    expect(few).toBeCloseTo(1, 12);
    expect(summarize([1, 3, 1, 3, 1, 3, 1, 3]).relative_spread).toBeLessThan(few / 2);
  });
});

/** Peak device bytes of evaluating and slicing a model of some layers. */
async function peak(create: () => Promise<Backend>, num_hidden_layers: number) {
  const backend = await create();
  const files = await tinyLlama({ hidden_size: 64, intermediate_size: 256, num_hidden_layers, vocab_size: 300 });
  const job = await testJob(files, TEXTS, { seqlen: 16, samples: 2, eval_samples: 2 });
  await evaluate(backend, job.model, job.evaluation);
  const evaluating = backend.memory.peakBytes;
  await compress(backend, job, { ...EXACT_SEQUENTIAL, sparsity: 0.25 });
  const slicing = backend.memory.peakBytes;
  backend.dispose();
  return { evaluating, slicing };
}

for (const { kind, create } of await backendsUnderTest()) {
  const title = `one layer is resident on ${kind} (invariant 6): peak memory does not grow with the number of layers`;
  // A software adapter takes a quarter of a minute alone, and more than one beside other tests.
  it(title, { timeout: 240_000 }, async () => {
    const two = await peak(create, 2);
    const eight = await peak(create, 8);
    expect(eight.evaluating / two.evaluating).toBeLessThan(1.05);
    expect(eight.slicing / two.slicing).toBeLessThan(1.05);
  });
}
