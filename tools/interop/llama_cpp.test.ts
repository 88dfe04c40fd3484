/**
 * @file What a real llama.cpp computes from Whittle's GGUF files, beside Whittle's own numbers. usage:
 *
 *     (cd FOLDER && npm install --ignore-scripts node-llama-cpp@3.22.1)
 *     LLAMA_CPP=FOLDER npx vitest run tools/interop/llama_cpp.test.ts
 *
 * Writes test/fixtures/llama_cpp/figures.json, to which test/llama_cpp.test.ts holds the table of graphs. node-llama-cpp brings
 * llama.cpp built for the platform and is no dependency of the project. The cache is F32 and there is one thread.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { createCpuBackend } from '../../src/backend/cpu/cpu_backend.ts';
import { openModel } from '../../src/models/open_model.ts';
import { firstWindowLogits } from '../../src/runtime/perplexity.ts';
import {
  caseFiles,
  caseGguf,
  caseIds,
  LLAMA_CPP_CASES,
  type LlamaCppCase,
  type LlamaCppFigure,
  modelDigest,
} from '../../test/fixtures/llama_cpp/cases.ts';
import { meanLoss, relativeDifference } from '../../test/fixtures/llama_cpp/logits.ts';
import { oneWindow } from '../../test/support/golden.ts';

const FIGURES = new URL('../../test/fixtures/llama_cpp/figures.json', import.meta.url);
const FOLDER = process.env.LLAMA_CPP;
if (!FOLDER) console.info('LLAMA_CPP names no folder with node-llama-cpp: the figures stay as they are.');

it.runIf(FOLDER)(
  'llama.cpp runs every case',
  async () => {
    const root = resolve(FOLDER!, 'node_modules/node-llama-cpp');
    const { getLlama } = await import(/* @vite-ignore */ pathToFileURL(join(root, 'dist/index.js')).href);
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 1 });
    const scratch = await mkdtemp(join(tmpdir(), 'whittle-llama-'));
    const cases: Record<string, LlamaCppFigure> = {};
    for (const each of LLAMA_CPP_CASES) {
      cases[each.name] = await figureOf(each, llama, join(scratch, 'model.gguf'));
      console.info(each.name, cases[each.name]);
    }
    await rm(scratch, { recursive: true });
    const versions = { 'node-llama-cpp': version, 'llama.cpp': String(llama.llamaCppRelease.release) };
    await llama.dispose();
    await writeFile(FIGURES, `${JSON.stringify({ versions, cases }, null, 2)}\n`);
    expect(Object.keys(cases)).toHaveLength(LLAMA_CPP_CASES.length);
  },
  600_000,
);

// biome-ignore lint/suspicious/noExplicitAny: no types of a package that is no dependency
type Llama = any;

async function figureOf(each: LlamaCppCase, llama: Llama, file: string): Promise<LlamaCppFigure> {
  const open = await openModel(await caseFiles(each));
  const gguf = await caseGguf(open);
  const ids = caseIds(each);
  const backend = createCpuBackend();
  const own = await firstWindowLogits(backend, open.model, oneWindow(ids));
  backend.dispose();
  await writeFile(file, gguf);
  const found = await logitsOf(llama, file, ids, each.context, open.config.vocab_size);
  return {
    digest: await modelDigest(gguf),
    loss: meanLoss(found, ids),
    whittle_loss: meanLoss(own, ids),
    relative_logit_difference: relativeDifference(found, own),
  };
}

async function logitsOf(llama: Llama, file: string, ids: readonly number[], contextSize: number, vocabulary: number) {
  const model = await llama.loadModel({ modelPath: file, useMmap: false });
  const context = await model.createContext({
    contextSize,
    batchSize: contextSize,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  });
  // Raw logits: no sampler may drop or scale any.
  const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const results = await context
    .getSequence()
    .controlledEvaluate(ids.map((id) => [id, { generateNext: { logits: true, options } }]));
  const logits = new Float32Array(ids.length * vocabulary);
  for (const [row, result] of results.entries()) {
    if (result.next.logits.size !== vocabulary) throw new Error(`${result.next.logits.size} logits`);
    for (const [token, logit] of result.next.logits) logits[row * vocabulary + token] = logit;
  }
  await model.dispose();
  return logits;
}
