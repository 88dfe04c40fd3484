/**
 * @file The rows of `shared/reference/methods/methods_smollm2.json` on the CPU: too long for the test suite. usage:
 *
 *     MODEL=SmolLM2-135M-Instruct.Q4_1.gguf TEXT=wiki.test.raw [ONLY=gptq] npx vitest run tools/reference/smollm2.test.ts
 *
 * The first half of TEXT's characters evaluates, the second calibrates; lines end in \n, as Python reads them. The rows have
 * integer zero points, so the grid is named.
 */
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { createWasmBackend } from '../../src/backend/wasm/wasm_backend.ts';
import { readSharedJson } from '../../test/shared.ts';
import { expectRow, type Row, rowOf } from '../../test/support/method_rows.ts';
import { judge, runRecipe } from '../../test/support/recipe_job.ts';
import { type TestJob, testJob } from '../../test/support/slice_job.ts';

const { MODEL, TEXT, ONLY = '' } = process.env;
const GPTQ = { group: 32, act_order: false, damp: 0.01 };
const RECOVERED = 'slicegpt + closed-form recovery';

const ROWS: readonly (readonly [recipe: string, method: string, settings: Record<string, unknown>])[] = [
  ['rtn:bits=4,group=32,grid=integer', 'rtn', { bits: 4, group: 32 }],
  ['rtn:bits=3,group=32,grid=integer', 'rtn', { bits: 3, group: 32 }],
  ['rtn:bits=8,group=row,grid=integer', 'rtn', { bits: 8, group: 'row', symmetric: true }],
  ['magnitude:sparsity=0.5', 'magnitude', { sparsity: '50%' }],
  ['wanda:sparsity=0.5', 'wanda', { sparsity: '50%' }],
  ['sparsegpt:sparsity=0.5', 'sparsegpt', { sparsity: '50%', block: 128, damp: 0.01 }],
  ['depth:drop=1,replace=none', 'shortgpt', { drop: 1 }],
  ['llm_int8:threshold=6', 'llm.int8', { threshold: 6 }],
  ['w8a8:smooth=0.5', 'smoothquant', { alpha: 0.5, weights: 'int8 row', activations: 'int8 token' }],
  ['slicegpt:sparsity=0.25', 'slicegpt', { sparsity: 0.25, head: 'tied, exact' }],
  ['slicegpt:sparsity=0.25; recover:ridge=0.05', RECOVERED, { sparsity: 0.25, ridge: 0.05 }],
  ['slicegpt:sparsity=0.25; recover:ridge=1', RECOVERED, { sparsity: 0.25, ridge: 1 }],
  ['gptq:bits=4,group=32,grid=integer', 'gptq', { bits: 4, ...GPTQ }],
  ['gptq:bits=3,group=32,grid=integer', 'gptq', { bits: 3, ...GPTQ }],
  ['awq:bits=4,group=32,clip=false,grid=integer', 'awq', { bits: 4, group: 32, ratios: 20, clip: false }],
];

describe.runIf(MODEL && TEXT)('SmolLM2 held to torch', () => {
  let backend: Backend;
  let job: TestJob;
  let measure: ReturnType<typeof judge>;
  let methods: Row[];
  beforeAll(async () => {
    ({ methods } = readSharedJson('reference', 'methods', 'methods_smollm2.json') as { methods: Row[] });
    const text = Array.from((await readFile(TEXT as string, 'utf8')).replaceAll('\r\n', '\n'));
    const half = Math.floor(text.length / 2);
    const file = { path: basename(MODEL as string), blob: await openAsBlob(MODEL as string) };
    const texts = { evaluation: text.slice(0, half).join(''), calibration: text.slice(half).join('') };
    job = await testJob([file], texts, { seqlen: 256, samples: 8, eval_samples: 8 });
    backend = createWasmBackend();
    measure = judge(backend, job);
  }, 600_000);
  afterAll(() => backend.dispose());

  for (const [recipe, method, settings] of ROWS) {
    it.runIf(recipe.includes(ONLY))(recipe, { timeout: 3_600_000 }, async () => {
      const row = rowOf(methods, method, settings);
      if (!row) throw new Error('no such row');
      const started = performance.now();
      const found = await measure(await runRecipe(backend, job, recipe));
      const seconds = (performance.now() - started) / 1000;
      console.info(recipe, `${seconds.toFixed(0)} s`, found.perplexity, row.perplexity, found.kl, row.kl);
      expectRow(found, row, /bits=[23]/.test(recipe));
    });
  }
});
