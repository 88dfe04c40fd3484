/**
 * @file `heal` against `shared/torch/heal.py`: the same slicing, adapters of the same kind, rates, windows and steps, other random numbers.
 * Perplexities within 2 %. Minutes of training: with WHITTLE_FULL=1.
 */
import { expect, it } from 'vitest';
import { isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { describeWithShared, readSharedText, sharedModelFiles } from './shared.ts';
import { TEXTS } from './support/method_rows.ts';
import { judge, runRecipe } from './support/recipe_job.ts';
import { testJob } from './support/slice_job.ts';

/** Arguments of heal.py, and the perplexity that it prints before and after all steps (of stories260k after 96 of the 160: 5.59). */
const RUNS = [
  { model: 'stories260k', slicing: 0.25, steps: 160, lr: 2e-3, windows: 72, before: 8.96, after: 5.515 },
  { model: 'demo', slicing: 0.5, steps: 150, lr: 1e-3, windows: 160, before: 94.9, after: 89.3 },
] as const;

describeWithShared('heal.py', () => {
  it.runIf(isFull).each(RUNS)('$model', { timeout: 7_200_000 }, async (run) => {
    const text = (part: string) => readSharedText('text', `${TEXTS[run.model]}.${part}.txt`);
    const texts = { calibration: text('calibration'), evaluation: text('evaluation') };
    const sizes = { seqlen: 256, samples: run.windows, eval_samples: 16 };
    const job = await testJob(await sharedModelFiles(run.model), texts, sizes);
    const backend = createWasmBackend();
    try {
      const measure = judge(backend, job);
      const few = { ...job, calibration: { ...job.calibration, count: 16 } };
      const sliced = await runRecipe(backend, few, `slicegpt:sparsity=${run.slicing}; recover:ridge=0.3`);
      const before = await measure(sliced);
      expect(Math.abs(before.perplexity / run.before - 1)).toBeLessThan(0.01);
      const recipe = `heal:steps=${run.steps},batch=4,lr=${run.lr}`;
      const healed = await runRecipe(backend, { ...job, from: sliced }, recipe);
      const after = await measure(healed);
      expect(after.perplexity / run.after).toBeLessThan(1.02);
    } finally {
      backend.dispose();
    }
  });
});
