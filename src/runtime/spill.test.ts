import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyLlama } from '../../test/fixtures/tiny_llama.ts';
import {
  compressionContext,
  EXACT_SEQUENTIAL,
  seededText,
  type TestJob,
  testJob,
} from '../../test/support/slice_job.ts';
import type { Backend } from '../backend/backend.ts';
import { backendsUnderTest, randomValues } from '../backend/testing.ts';
import type { CompressedModel } from '../compress/method.ts';
import { type SliceGptOptions, slicegpt } from '../compress/slicegpt/slicegpt.ts';
import { storedWeights } from '../models/decoder_model.ts';
import { memoryScratch, type ScratchStore } from '../models/scratch.ts';
import { Arena } from './arena.ts';
import { BatchStates, type SpillOptions } from './spill.ts';

/** A memory store that tells how it is used. */
function watchedSpill(budgetBytes: number) {
  const counts = { stores: 0, appended: 0, overwritten: 0, cleared: 0 };
  const spill: SpillOptions = {
    budgetBytes,
    async createScratch(): Promise<ScratchStore> {
      counts.stores++;
      const store = memoryScratch();
      return {
        async append(bytes) {
          counts.appended += bytes.byteLength;
          const slot = await store.append(bytes);
          return {
            ...slot,
            write: (replaced) => {
              counts.overwritten += replaced.byteLength;
              return slot.write(replaced);
            },
          };
        },
        async clear() {
          counts.cleared++;
          await store.clear();
        },
      };
    },
  };
  return { spill, counts };
}

const TEXTS = { calibration: seededText(7, 900), evaluation: seededText(8, 300) };

for (const { kind, create } of await backendsUnderTest()) {
  describe(`states that leave the device, on ${kind}`, () => {
    let backend: Backend;
    let job: TestJob;
    beforeAll(async () => {
      backend = await create();
      // Windows of 512 tokens: a batch each on slow devices.
      const files = await tinyLlama({ hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, vocab_size: 300 });
      job = await testJob(files, TEXTS, { seqlen: 512, samples: 3, eval_samples: 1 });
    });
    afterAll(() => backend.dispose());

    it('come back as they were, bit for bit, and only what exceeds the budget leaves', async () => {
      const { spill, counts } = watchedSpill(2 * 4 * 12);
      const arena = new Arena(backend);
      const states = new BatchStates(arena, spill);
      const before = backend.memory.currentBytes;
      const expected: (Float32Array | Float64Array)[] = [];
      for (let pass = 0; pass < 2; pass++) {
        for (let i = 0; i < 4; i++) {
          if (pass > 0) arena.free(await states.take(i));
          const tensor = arena.own(backend.fromArray(randomValues(12, 10 * pass + i), [3, 4], `states ${i}`));
          expected[i] = await backend.read(tensor);
          await states.put(i, tensor);
        }
        expect(states.count).toBe(4);
        expect(states.spilledBytes).toBe(2 * expected[0].byteLength);
      }
      // The second pass overwrote what the first had stored.
      expect(counts).toMatchObject({ stores: 1, appended: 2 * expected[0].byteLength });
      expect(counts.overwritten).toBe(counts.appended);
      for (let i = 0; i < 4; i++) {
        const tensor = await states.take(i);
        expect(tensor.shape).toEqual([3, 4]);
        expect(await backend.read(tensor)).toEqual(expected[i]);
        arena.free(tensor);
      }
      await expect(states.take(0)).rejects.toThrow(/batch 0 is not there/);
      await states.clear();
      await backend.sync();
      expect(counts.cleared).toBe(1);
      expect(backend.memory.currentBytes).toBe(before);
    });

    for (const schedule of ['sequential', 'rotate-once'] as const) {
      it(`give the same sliced weights, bit for bit, with and without leaving (${schedule})`, async () => {
        const options: SliceGptOptions = { ...EXACT_SEQUENTIAL, schedule, sparsity: 0.25 };
        const run = (spill?: SpillOptions) =>
          slicegpt.compress(job.model, options, { ...compressionContext(backend, job), spill });
        const kept = await run();
        const { spill, counts } = watchedSpill(4 * 512 * 16);
        const spilled = await run(spill);
        expect(counts.appended).toBeGreaterThan(0);
        expect(counts.cleared).toBe(counts.stores);
        expect(await weightsOf(spilled)).toEqual(await weightsOf(kept));
        expect(spilled.sites.map(({ eigenvalues }) => eigenvalues)).toEqual(
          kept.sites.map(({ eigenvalues }) => eigenvalues),
        );
      });
    }
  });
}

async function weightsOf({ model }: CompressedModel) {
  const read = storedWeights(model).map(async (ref) => [ref.name, Buffer.from(await ref.read()).toString('base64')]);
  return Object.fromEntries(await Promise.all(read));
}
