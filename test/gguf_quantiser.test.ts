/**
 * @file Whittle's GGUF blocks lose no more of the model than llama.cpp's own quantiser's, at equal types and with the same
 * importance matrix: divergence from the float model on the built-in one. Figures of llama.cpp: `tools/llama_cpp/quantiser.ts`.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { isFull } from '../src/backend/testing.ts';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import type { DecoderModel } from '../src/models/decoder_model.ts';
import { openModel } from '../src/models/open_model.ts';
import { folderFiles } from './shared.ts';
import { demoTexts, imatrixOf, type TestImatrix } from './support/imatrix.ts';
import { judge, type Measured, runRecipe } from './support/recipe_job.ts';
import { type TestJob, testJob } from './support/slice_job.ts';

/** By file type: divergence of Whittle's and of llama.cpp's file when the figures were made. */
const FIGURES: Record<string, { own: number; llama_cpp: number }> = JSON.parse(
  readFileSync(new URL('./fixtures/quant/llama_cpp_divergence.json', import.meta.url), 'utf8'),
);
/** Chosen: roundings that lose the same in every weight differ by about so much in divergence. The largest ratio of the figures is 0.999. */
const CHANCE = 1.01;
/** The others with WHITTLE_FULL=1. */
const QUICK = ['q4_0'];
const TYPES = isFull ? Object.keys(FIGURES) : QUICK;

describe('blocks of the built-in model', () => {
  let backend: Backend;
  let job: TestJob;
  let imatrix: TestImatrix;
  let measure: (model: DecoderModel) => Promise<Measured>;
  beforeAll(async () => {
    backend = createWasmBackend();
    const files = await folderFiles(fileURLToPath(new URL('../public/demo', import.meta.url)));
    const { raw_config } = await openModel(files);
    job = await testJob(files, demoTexts(), { seqlen: 256, samples: 16, eval_samples: 16 });
    imatrix = await imatrixOf(backend, job, raw_config);
    measure = judge(backend, job);
  }, 240_000);
  afterAll(() => backend.dispose());

  it.each(TYPES)('lose no more than those of llama.cpp: %s', { timeout: 240_000 }, async (type) => {
    const { kl } = await measure(await runRecipe(backend, job, `gguf:type=${type}`, imatrix.means));
    expect(kl).toBeLessThan(CHANCE * FIGURES[type].llama_cpp);
    expect(kl / FIGURES[type].own).toBeCloseTo(1, 1);
  });
});
