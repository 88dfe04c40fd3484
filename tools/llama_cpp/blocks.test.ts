/**
 * @file What a real llama.cpp computes from Whittle's files of blocks, beside Whittle's own numbers. usage:
 *
 *     (cd FOLDER && npm install --ignore-scripts node-llama-cpp@3.22.1)
 *     LLAMA_CPP=FOLDER npx vitest run tools/llama_cpp/blocks.test.ts
 *
 * Prints a table for docs/compatibility.md: the built-in model, 64 tokens, F32 cache. llama.cpp rounds activations to 8 bits
 * where weights are blocks, so that its logits differ from the exact product of the same numbers.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { createWasmBackend } from '../../src/backend/wasm/wasm_backend.ts';
import { openModel } from '../../src/models/open_model.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import { meanLoss, relativeDifference } from '../../test/fixtures/llama_cpp/logits.ts';
import { folderFiles } from '../../test/shared.ts';
import { oneWindow } from '../../test/support/golden.ts';
import { demoTexts } from '../../test/support/imatrix.ts';
import { runRecipe } from '../../test/support/recipe_job.ts';
import { testJob } from '../../test/support/slice_job.ts';
import { ggufBytes, ggufSource } from '../../test/support/written_gguf.ts';

const FOLDER = process.env.LLAMA_CPP;
const TYPES = ['q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q3_k_m', 'q2_k', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl', 'mxfp4'];
/** Integers of other methods, as blocks: Q5_0, Q4_1, Q4_0, and Q8_0 for the table. */
const INTEGERS = ['rtn:bits=4,group=32', 'gptq:bits=4,group=32,grid=minimum', 'embed:bits=8; gptq:bits=3,group=64'];
/** `RECIPES='…|…'`: only these. */
const RECIPES = process.env.RECIPES?.split('|') ?? [
  ...TYPES.map((type) => `gguf:type=${type},importance=none`),
  ...INTEGERS,
];
const TOKENS = 64;
if (!FOLDER) console.info('LLAMA_CPP names no folder with node-llama-cpp: nothing is run.');

it.runIf(FOLDER)(
  'llama.cpp runs files of every block type',
  async () => {
    const root = resolve(FOLDER as string, 'node_modules/node-llama-cpp');
    const { getLlama } = await import(/* @vite-ignore */ pathToFileURL(join(root, 'dist/index.js')).href);
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 1 });
    const scratch = await mkdtemp(join(tmpdir(), 'whittle-llama-'));
    const files = await folderFiles(fileURLToPath(new URL('../../public/demo', import.meta.url)));
    const open = await openModel(files);
    const job = await testJob(files, demoTexts(), { seqlen: TOKENS, samples: 1, eval_samples: 1 });
    const ids = [...job.evaluation.ids.subarray(0, TOKENS)];
    const backend = createWasmBackend();
    const differences: number[] = [];
    for (const recipe of RECIPES) {
      const model = await runRecipe(backend, job, recipe);
      const own = Float32Array.from(await firstWindowLogits(backend, model, oneWindow(ids)));
      await writeFile(join(scratch, 'model.gguf'), await ggufBytes({ ...ggufSource(open), model }));
      const found = await logitsOf(llama, join(scratch, 'model.gguf'), ids, open.config.vocab_size);
      const difference = relativeDifference(found, own);
      differences.push(difference);
      console.info(
        `| ${recipe} | ${meanLoss(own, ids).toFixed(4)} | ${meanLoss(found, ids).toFixed(4)} | ${difference.toExponential(1)} |`,
      );
    }
    await llama.dispose();
    backend.dispose();
    await rm(scratch, { recursive: true });
    for (const difference of differences) expect(difference).toBeLessThan(0.05);
  },
  1_800_000,
);

// biome-ignore lint/suspicious/noExplicitAny: no types of a package that is no dependency
async function logitsOf(llama: any, file: string, ids: readonly number[], vocabulary: number) {
  const model = await llama.loadModel({ modelPath: file, useMmap: false });
  const context = await model.createContext({
    ...{ contextSize: TOKENS, batchSize: TOKENS, threads: 1, flashAttention: false },
    ...{ experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' },
  });
  // Raw logits: no sampler may drop or scale any.
  const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const wanted = ids.map((id) => [id, { generateNext: { logits: true, options } }]);
  const results = await context.getSequence().controlledEvaluate(wanted);
  const logits = new Float32Array(ids.length * vocabulary);
  for (const [row, result] of results.entries()) {
    for (const [token, logit] of result.next.logits) logits[row * vocabulary + token] = logit;
  }
  await model.dispose();
  return logits;
}
