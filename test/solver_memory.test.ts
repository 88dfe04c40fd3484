/** The search for a recipe: the memory that it is told to need against what it takes, and states that wait in storage. */
import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { backendsUnderTest, isFull } from '../src/backend/testing.ts';
import { solverMemory } from '../src/compress/memory/solver_memory.ts';
import { integerPalette } from '../src/compress/solver/integers.ts';
import { type Solution, type SolveRequest, solve } from '../src/compress/solver/solve.ts';
import { packedBytes } from '../src/models/packed/packing.ts';
import { memoryScratch, type ScratchStore } from '../src/models/scratch.ts';
import type { SpillOptions } from '../src/runtime/spill.ts';
import { elementCount } from '../src/tensor/shape.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { compressionContext, seededText, testJob } from './support/slice_job.ts';

const TEXTS = { calibration: seededText(1, 900), evaluation: seededText(2, 900) };
const MODEL = {
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 2,
  vocab_size: 300,
  num_key_value_heads: 2,
};
const PALETTE = integerPalette(
  [
    { bits: 2, group: 32 },
    { bits: 4, group: 32 },
  ],
  [{ bits: 8, group: 'row' }],
);
/** Told by taken. */
const [LEAST, MOST] = [1, 1.4];

async function search(backend: Backend, spill?: SpillOptions): Promise<{ solution: Solution; ratio: number }> {
  const job = await testJob(await tinyLlama(MODEL), TEXTS, { seqlen: 32, samples: 10, eval_samples: 2 });
  const { calibration: all, model } = job;
  const part = (first: number, count: number) => ({
    ...all,
    count,
    ids: all.ids.slice(32 * first, 32 * (first + count)),
  });
  const request: SolveRequest = {
    ...{ targetBytes: 60_000, palette: PALETTE, held: part(8, 2), createScratch: async () => memoryScratch() },
    bytesOf: packedBytes,
    plainBytes: (shape) => 2 * elementCount(shape),
  };
  await backend.sync();
  backend.memory.peakBytes = backend.memory.currentBytes;
  const context = { ...compressionContext(backend, { ...job, calibration: part(0, 8) }), spill };
  const solution = await solve(model, request, { ...context, dense: model, before: [], after: [] });
  const windows = { seqlen: 32, samples: 10, eval_samples: 2 };
  const told = solverMemory(model, PALETTE, 2, { backend: backend.info, windows });
  return { solution, ratio: told.device_bytes / backend.memory.peakBytes };
}

// Half a minute on a software adapter.
const backends = (await backendsUnderTest()).filter(({ kind }) => isFull || kind !== 'webgpu');

describe.each(backends)('the search for a recipe on $kind', ({ create, kind }) => {
  it('takes what it was told to need', async () => {
    const backend = await create();
    const { ratio } = await search(backend);
    backend.dispose();
    if (process.env.WHITTLE_MEMORY) console.log(kind, 'search', ratio);
    expect(ratio).toBeGreaterThanOrEqual(LEAST);
    expect(ratio).toBeLessThanOrEqual(MOST);
  });
});

describe('the dense states of a search', () => {
  it('wait in storage above the budget, with the same bits, and are removed', async () => {
    const [{ create }] = await backendsUnderTest();
    const stores: { used: number; isCleared: boolean }[] = [];
    const createScratch = async (): Promise<ScratchStore> => {
      const store = memoryScratch();
      const known = { used: 0, isCleared: false };
      stores.push(known);
      return {
        append: (bytes) => {
          known.used += bytes.byteLength;
          return store.append(bytes);
        },
        clear: () => {
          known.isCleared = true;
          return store.clear();
        },
      };
    };
    const backend = await create();
    const free = await search(backend);
    const spilled = await search(backend, { budgetBytes: 1, createScratch });
    backend.dispose();
    expect(spilled.solution).toEqual(free.solution);
    expect(stores.some(({ used }) => used > 0)).toBe(true);
    expect(stores.every(({ isCleared }) => isCleared)).toBe(true);
  });
});
