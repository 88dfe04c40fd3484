/**
 * @file Whittle's blocks beside those of llama.cpp's own quantiser: the same types and the same importance matrix, both files
 * opened in Whittle, divergence from the float model. usage:
 *
 *     (cd FOLDER && npm install --ignore-scripts node-llama-cpp@3.22.1)
 *     LIBGGML=FOLDER/…/libggml-base.so PYTHON=python3 [MODEL=FILE.gguf TEXT=FILE TYPES=q4_0,…] npx vitest run tools/llama_cpp/quantiser.test.ts
 *
 * Without MODEL: the built-in model, whose figures go to test/fixtures/quant/llama_cpp_divergence.json. With MODEL: written as
 * F16 first; the first half of TEXT's characters evaluates, the second calibrates, WINDOWS (8) windows of 256 each.
 */
import { execFileSync } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createWasmBackend } from '../../src/backend/wasm/wasm_backend.ts';
import { FILE_TYPES } from '../../src/compress/gguf/file_types.ts';
import { type ModelFile, openModel } from '../../src/models/open_model.ts';
import { folderFiles } from '../../test/shared.ts';
import { demoTexts, imatrixOf } from '../../test/support/imatrix.ts';
import { judge, runRecipe } from '../../test/support/recipe_job.ts';
import { testJob } from '../../test/support/slice_job.ts';
import { ggufBytes, ggufSource } from '../../test/support/written_gguf.ts';

const { LIBGGML, PYTHON = 'python3', MODEL, TEXT, TYPES, WINDOWS = '8' } = process.env;
const FIGURES = fileURLToPath(new URL('../../test/fixtures/quant/llama_cpp_divergence.json', import.meta.url));
const SCRIPT = fileURLToPath(new URL('quantise_like.py', import.meta.url));
if (!LIBGGML) console.info('LIBGGML names no libggml-base: the figures stay as they are.');

it.runIf(LIBGGML)(
  'rounds no worse than llama.cpp',
  async () => {
    const work = await mkdtemp(join(tmpdir(), 'whittle-quantiser-'));
    const path = (name: string) => join(work, name);
    const files = async (file: string): Promise<ModelFile[]> => [
      { path: basename(file), blob: await openAsBlob(file) },
    ];
    const model = MODEL
      ? await files(MODEL)
      : await folderFiles(fileURLToPath(new URL('../../public/demo', import.meta.url)));
    const text = MODEL ? await readFile(TEXT as string, 'utf8') : '';
    const half = Math.floor(text.length / 2);
    const texts = MODEL ? { evaluation: text.slice(0, half), calibration: text.slice(half) } : demoTexts();
    const sizes = MODEL
      ? { seqlen: 256, samples: Number(WINDOWS), eval_samples: Number(WINDOWS) }
      : { seqlen: 256, samples: 16, eval_samples: 16 };
    await writeFile(path('dense.gguf'), await ggufBytes(ggufSource(await openModel(model)), { precision: 'f16' }));
    const dense = await files(path('dense.gguf'));
    const [open, job] = [await openModel(dense), await testJob(dense, texts, sizes)];
    const backend = createWasmBackend();
    const imatrix = await imatrixOf(backend, job, open.raw_config);
    await writeFile(path('imatrix.gguf'), imatrix.bytes);
    const measure = judge(backend, job);
    const figures: Record<string, { own: number; llama_cpp: number }> = {};
    for (const type of TYPES?.split(',') ?? FILE_TYPES) {
      const made = await runRecipe(backend, job, `gguf:type=${type}`, imatrix.means);
      await writeFile(path('own.gguf'), await ggufBytes({ ...ggufSource(open), model: made }));
      execFileSync(PYTHON, [
        SCRIPT,
        LIBGGML as string,
        ...['dense', 'own', 'imatrix', 'theirs'].map((name) => path(`${name}.gguf`)),
      ]);
      const theirs = await openModel(await files(path('theirs.gguf')));
      const [own, other] = [await measure(made), await measure(theirs.model)];
      figures[type] = { own: own.kl, llama_cpp: other.kl };
      console.info(type, own.bytes, own.perplexity, other.perplexity, own.kl, other.kl, (own.kl / other.kl).toFixed(3));
    }
    backend.dispose();
    await rm(work, { recursive: true });
    if (!MODEL && !TYPES) await writeFile(FIGURES, `${JSON.stringify(figures, null, 1)}\n`);
    expect(Object.keys(figures).length).toBeGreaterThan(0);
  },
  3_600_000,
);
