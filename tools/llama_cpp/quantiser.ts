/**
 * @file Whittle's blocks beside those of llama.cpp's own quantiser: the same types and the same importance matrix, both files
 * opened in Whittle: rounding error of all linears of a block type as the importance matrix weighs it, and divergence from the
 * float model. Under tsx, because vitest's way of importing makes the encoders ten times as slow. usage:
 *
 *     (cd FOLDER && npm install --ignore-scripts node-llama-cpp@3.22.1)
 *     LIBGGML=FOLDER/…/libggml-base.so PYTHON=python3 [MODEL=FILE.gguf TEXT=FILE TYPES=q4_0,… WINDOWS=8] npx tsx tools/llama_cpp/quantiser.ts
 *
 * Without MODEL: the built-in model, whose figures go to test/fixtures/quant/llama_cpp_divergence.json. With MODEL: written as
 * F16 first; the first half of TEXT's characters evaluates, the second calibrates, WINDOWS (8) windows of 256 each. ERRORS=1
 * leaves divergence out. Ends with status 1 where Whittle loses more than llama.cpp.
 */
import { execFileSync } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createWasmBackend } from '../../src/backend/wasm/wasm_backend.ts';
import { FILE_TYPES } from '../../src/compress/gguf/file_types.ts';
import { layerLinears, linearOf } from '../../src/compress/layerwise/half.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import { type ModelFile, openModel } from '../../src/models/open_model.ts';
import { decodeStored } from '../../src/tensor/decode.ts';
import { demoTexts, imatrixOf, type TestImatrix } from '../../test/support/imatrix.ts';
import { judge, runRecipe } from '../../test/support/recipe_job.ts';
import { testJob } from '../../test/support/slice_job.ts';
import { ggufBytes, ggufSource } from '../../test/support/written_gguf.ts';

const { LIBGGML, PYTHON = 'python3', MODEL, TEXT, TYPES, ERRORS, WINDOWS = MODEL ? '8' : '16' } = process.env;
if (!LIBGGML || (MODEL && !TEXT)) throw new Error('LIBGGML names libggml-base, and MODEL needs a TEXT');
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const FIGURES = here('../../test/fixtures/quant/llama_cpp_divergence.json');
/** Chosen: two roundings that are equally good differ by about so much in divergence. */
const CHANCE = 1.01;

const work = await mkdtemp(join(tmpdir(), 'whittle-quantiser-'));
const path = (name: string) => join(work, `${name}.gguf`);
const files = (...paths: string[]): Promise<ModelFile[]> =>
  Promise.all(paths.map(async (file) => ({ path: basename(file), blob: await openAsBlob(file) })));
const demo = here('../../public/demo');
const model = await files(...(MODEL ? [MODEL] : (await readdir(demo)).map((name) => join(demo, name))));
const text = TEXT ? await readFile(TEXT, 'utf8') : '';
const half = Math.floor(text.length / 2);
const texts = MODEL ? { evaluation: text.slice(0, half), calibration: text.slice(half) } : demoTexts();
await writeFile(path('dense'), await ggufBytes(ggufSource(await openModel(model)), { precision: 'f16' }));
const open = await openModel(await files(path('dense')));
const count = Number(WINDOWS);
const job = await testJob(await files(path('dense')), texts, { seqlen: 256, samples: count, eval_samples: count });
const backend = createWasmBackend();
const imatrix = await imatrixOf(backend, job, open.raw_config);
await writeFile(path('imatrix'), imatrix.bytes);
const measure = ERRORS ? undefined : judge(backend, job);
const figures: Record<string, { own: number; llama_cpp: number }> = {};
for (const type of TYPES?.split(',') ?? FILE_TYPES) {
  const made = await runRecipe(backend, job, `gguf:type=${type}`, imatrix.means);
  await writeFile(path('own'), await ggufBytes({ ...ggufSource(open), model: made }));
  execFileSync(PYTHON, [here('quantise_like.py'), LIBGGML, ...['dense', 'own', 'imatrix', 'theirs'].map(path)]);
  const theirs = (await openModel(await files(path('theirs')))).model;
  const [own, other] = [await errors(job.model, made, imatrix), await errors(job.model, theirs, imatrix)];
  for (const [block, error] of own) tell(type, `weighted error of ${block}`, error, other.get(block) as number, 1);
  if (!measure) continue;
  const [mine, llama] = [await measure(made), await measure(theirs)];
  figures[type] = { own: mine.kl, llama_cpp: llama.kl };
  console.info(type, 'bytes', mine.bytes, 'perplexity', mine.perplexity, llama.perplexity);
  tell(type, 'divergence', mine.kl, llama.kl, CHANCE);
}
backend.dispose();
await rm(work, { recursive: true });
if (!MODEL && !TYPES && !ERRORS) await writeFile(FIGURES, `${JSON.stringify(figures, null, 1)}\n`);

function tell(type: string, what: string, own: number, other: number, most: number): void {
  const isWorse = own > most * other;
  if (isWorse) process.exitCode = 1;
  console.info(type, what, own, other, (own / other).toFixed(4), isWorse ? 'WORSE' : '');
}

/** By block type: Σ E[x²]·Δ² over Σ E[x²]·w², of all linears in it. */
async function errors(dense: DecoderModel, made: DecoderModel, { means }: TestImatrix): Promise<Map<string, number>> {
  const sums = new Map<string, [error: number, energy: number]>();
  for (const layer of made.layers) {
    for (const name of layerLinears(layer)) {
      const { weight } = linearOf(layer, name);
      const before = linearOf(dense.layers[layer.index], name).weight;
      const w = decodeStored(await before.read(), before.dtype);
      const v = decodeStored(await weight.read(), weight.dtype);
      const mean = means.get(`${layer.index}.${name}`) as Float64Array;
      const sum = sums.get(weight.dtype) ?? [0, 0];
      for (let i = 0; i < w.length; i++) {
        const weight = mean[i % mean.length];
        sum[0] += weight * (w[i] - v[i]) ** 2;
        sum[1] += weight * w[i] ** 2;
      }
      sums.set(weight.dtype, sum);
    }
  }
  return new Map([...sums].map(([block, [error, energy]]) => [block, error / energy]));
}
