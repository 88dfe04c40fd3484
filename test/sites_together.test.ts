/** All PCAs of the dense model: side by side on the CPU's threads, with what one after another gives. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeCrew } from '../src/backend/wasm/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import type { SiteReport } from '../src/compress/method.ts';
import { calibrateDense } from '../src/compress/slicegpt/rotate_once.ts';
import { withArena } from '../src/runtime/arena.ts';
import { WeightLoader } from '../src/runtime/weights.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { compressionContext, seededText, type TestJob, testJob } from './support/slice_job.ts';

const TEXTS = { calibration: seededText(1, 700), evaluation: seededText(2, 700) };
/** Seven sites: no whole number of lots of two. */
const LLAMA = { hidden_size: 64, intermediate_size: 160, num_hidden_layers: 3, vocab_size: 300 };

let backend: Backend;
let job: TestJob;
beforeAll(async () => {
  backend = createWasmBackend(await createNodeCrew(1));
  job = await testJob(await tinyLlama(LLAMA), TEXTS, { seqlen: 32, samples: 8, eval_samples: 2 });
});
afterAll(() => backend.dispose());

async function calibrated(on: Backend) {
  const told: SiteReport[] = [];
  const context = compressionContext(on, job);
  const observer = { ...context.observer, onSite: (site: SiteReport) => void told.push(site) };
  const dense = await calibrateDense(job.model, { ...context, observer });
  const bases = await withArena(on, async (arena) => {
    const loader = new WeightLoader(arena);
    const values: ArrayLike<number>[] = [];
    for (const ref of dense.bases) values.push(await on.read(await loader.load(ref)));
    return values;
  });
  return { dense, told, bases };
}

describe('sites of the dense model', () => {
  it('have the same bases, reports and order side by side', async () => {
    const lots: number[] = [];
    const together: NonNullable<Backend['eigh64Together']> = (args, take) => {
      lots.push(args.matrices.length);
      return (backend.eigh64Together as typeof together)(args, take);
    };
    const by = await calibrated(Object.create(backend, { eigh64Together: { value: together } }));
    const alone = await calibrated(Object.create(backend, { countTogether: { value: () => 1 } }));
    expect(lots).toEqual([2, 2, 2]);
    expect(by.bases).toHaveLength(7);
    expect(by.bases).toEqual(alone.bases);
    expect(by.told.map(({ site }) => site)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(by.told).toEqual(alone.told);
    expect(by.dense.sites).toEqual(alone.dense.sites);
  });
});
