/**
 * @file `llm_pruner` against `tools/pruning/llm_pruner.py` (torch autograd in f64, from the paper): the scores of the units within
 * 1e-3, the same units gone, and the perplexity of what remains.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeWebGpuBackend, isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { gradientScores, type Level, type Score } from '../src/compress/llm_pruner/scores.ts';
import { lowestUnits } from '../src/compress/solvers/unit_scores.ts';
import expected from './fixtures/llm_pruner.json';
import { describeWithShared, readSharedText, sharedModelFiles } from './shared.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import { compressionContext, relativeDifference, type TestJob, testJob } from './support/slice_job.ts';

interface Unit {
  norm: number;
  first: number[];
  gone: number[];
}
type Entry = { attention: Unit[]; mlp: Unit[]; perplexity: number };

const WINDOWS = { seqlen: expected.seqlen, samples: expected.samples, eval_samples: expected.samples };
const TEXTS = { stories260k: 'stories', 'opt-tiny': 'brown' } as const;
const HALVES = ['attention', 'mlp'] as const;

async function jobOf(model: keyof typeof TEXTS): Promise<TestJob> {
  const text = (part: string) => readSharedText('text', `${TEXTS[model]}.${part}.txt`);
  const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
  return testJob(await sharedModelFiles(model), texts, WINDOWS);
}

describeWithShared('llm_pruner', () => {
  for (const model of ['stories260k', 'opt-tiny'] as const) {
    describe(model, () => {
      let backend: Backend;
      let job: TestJob;
      beforeAll(async () => {
        backend = createWasmBackend();
        job = await jobOf(model);
      });
      afterAll(() => backend.dispose());

      for (const [settings, entry] of Object.entries(expected.models[model] as Record<string, Entry>)) {
        const isBrief = settings.includes('fisher') && model === 'opt-tiny';
        if (isBrief && !isFull) continue;
        it(`scores units as autograd does: ${settings}`, { timeout: 120_000 }, () =>
          expectScores(backend, job, settings, entry),
        );
      }

      it('leaves what torch leaves', { timeout: 120_000 }, async () => {
        const entry = (expected.models[model] as Record<string, Entry>)['score=taylor,level=element'];
        const found = await judge(backend, job)(await runRecipe(backend, job, `llm_pruner:keep=${expected.keep}`));
        expect(relativeDifference(found.perplexity, entry.perplexity)).toBeLessThan(1e-3);
      });
    });
  }

  // A software adapter takes its time; on little text every method runs there in `methods_webgpu.test.ts`.
  it.runIf(isFull)('stories260k on WebGPU', { timeout: 120_000 }, async () => {
    const backend = await createNodeWebGpuBackend();
    if (!backend) throw new Error('Dawn gives no adapter');
    const entry = (expected.models.stories260k as Record<string, Entry>)['score=taylor,level=vector'];
    await expectScores(backend, await jobOf('stories260k'), 'score=taylor,level=vector', entry);
    backend.dispose();
  });
});

async function expectScores(backend: Backend, job: TestJob, settings: string, entry: Entry): Promise<void> {
  const [score, level] = settings.split(',').map((part) => part.split('=')[1]) as [Score, Level];
  const context = {
    ...compressionContext(backend, job),
    dense: job.model,
    before: [],
    after: [],
  };
  const fractions: number[] = [];
  const scores = await gradientScores(job.model, { score, level }, HALVES, context, (fraction) =>
    fractions.push(fraction),
  );
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  for (const half of HALVES) {
    entry[half].forEach(({ norm, first, gone }, layer) => {
      const own = scores.get(half)?.[layer] as Float64Array;
      const name = `${half} of layer ${layer}`;
      expect(relativeDifference(Math.hypot(...own), norm), name).toBeLessThan(1e-3);
      first.forEach((value, i) => {
        expect(Math.abs(own[i] - value), `${name}, unit ${i}`).toBeLessThan(
          (1e-3 * norm) / Math.sqrt(own.length) + 2e-3 * value,
        );
      });
      // Where the last to go and the first to stay are as good as equal, either may go.
      const highest = Math.max(...gone.map((unit) => own[unit]));
      const lowest = Math.min(
        ...lowestUnits(own, own.length)
          .filter((unit) => !gone.includes(unit))
          .map((unit) => own[unit]),
      );
      expect(highest, name).toBeLessThan(lowest * (1 + 2e-3));
    });
  }
}
