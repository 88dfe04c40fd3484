/**
 * @file `width` and `depth` against figures of `tools/pruning/` (torch, written from the papers): bytes and counts exact,
 * perplexity within 0.5 %, divergence within 3 % (or 2e-5).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createNodeWebGpuBackend, isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import expected from './fixtures/pruning.json';
import { describeWithShared, readSharedText, sharedModelFiles } from './shared.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import { relativeDifference, type TestJob, testJob } from './support/slice_job.ts';

type Row = { perplexity: number; kl: number; bytes: number; params: number };

const BRIEFLY = [
  'width:keep=0.8,score=obs',
  'width:keep=0.8,score=flap,compensate=false,bias=true',
  'width:keep=0.8,score=flap,budget=global',
  'depth:drop=1,replace=linear',
  'depth:drop=2,replace=linear',
];
const ON_WEBGPU = ['width:keep=0.8,score=obs', 'depth:drop=1,replace=linear'];
const WINDOWS = { seqlen: 256, samples: 16, eval_samples: 16 };
const TEXTS = { stories260k: 'stories', 'opt-tiny': 'brown' } as const;

async function jobOf(model: keyof typeof TEXTS): Promise<TestJob> {
  const text = (part: string) => readSharedText('text', `${TEXTS[model]}.${part}.txt`);
  const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
  return testJob(await sharedModelFiles(model), texts, WINDOWS);
}

async function expectRow(backend: Backend, job: TestJob, model: keyof typeof TEXTS, recipe: string): Promise<void> {
  const row = (expected.models[model] as Record<string, Row>)[recipe];
  const found = await judge(backend, job)(await runRecipe(backend, job, recipe));
  expect(found.bytes).toBe(row.bytes);
  expect(found.parameters).toBe(row.params);
  expect(
    relativeDifference(found.perplexity, row.perplexity),
    `${found.perplexity} against ${row.perplexity}`,
  ).toBeLessThan(5e-3);
  expect(Math.abs(found.kl - row.kl), `${found.kl} against ${row.kl}`).toBeLessThan(Math.max(0.03 * row.kl, 2e-5));
}

describeWithShared('models', () => {
  for (const model of ['stories260k', 'opt-tiny'] as const) {
    describe(model, () => {
      let backend: Backend;
      let job: TestJob;
      beforeAll(async () => {
        backend = createWasmBackend();
        job = await jobOf(model);
      });
      afterAll(() => backend.dispose());
      for (const recipe of Object.keys(expected.models[model])) {
        if (!isFull && (model === 'opt-tiny') === BRIEFLY.includes(recipe)) continue;
        if (!isFull && model === 'opt-tiny' && recipe !== 'width:keep=0.8,score=obs,units=channels') continue;
        it(recipe, { timeout: 300_000 }, () => expectRow(backend, job, model, recipe));
      }
    });
  }

  it.runIf(isFull).each(ON_WEBGPU)('on WebGPU: %s', { timeout: 600_000 }, async (recipe) => {
    const backend = await createNodeWebGpuBackend();
    if (!backend) return;
    await expectRow(backend, await jobOf('stories260k'), 'stories260k', recipe);
    await backend.dispose();
  });
});
