/**
 * Exported folders in transformers.js, in a real browser, with the runtime that transformers.js depends on: the tokens that
 * it generates are those that Whittle does.
 */
import type { Page } from '@playwright/test';
import { expect, test } from '@playwright/test';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { Engine } from '../src/engine/engine.ts';
import { type Precision, quantizedModel } from '../src/export/precision.ts';
import { openModel } from '../src/models/open_model.ts';
import { generate as ownGenerate } from '../src/runtime/generate.ts';
import { type TinyLlamaOptions, tinyLlama } from '../test/fixtures/tiny_llama.ts';
import { memoryPlatform } from '../test/support/memory_platform.ts';
import { seededText } from '../test/support/slice_job.ts';
import { isFull } from './fixtures.ts';
import { type Folder, runtimeVersions, serveTransformers } from './transformers_site.ts';

const TEXT = 'the river and a stone';
const COUNT = 8;
const DTYPES: Record<string, Precision> = { fp32: 'f32', fp16: 'f16', q8: 'int8', q4: 'int4' };

/** Small embeddings: with a tied head, large ones make a model repeat its last token for ever. */
const MODEL: TinyLlamaOptions = {
  hidden_size: 32,
  intermediate_size: 48,
  num_key_value_heads: 2,
  edit: (tensors) =>
    tensors.map((tensor) =>
      tensor.name.includes('embed_tokens') ? { ...tensor, values: tensor.values.map((x) => x / 8) } : tensor,
    ),
};

interface Made {
  prompt: number[];
  tokens: number[];
}

/** What the page does: the README's few lines, with the two addresses of this site. */
async function generate(page: Page, name: string, dtype: string, device: string | undefined): Promise<Made> {
  return page.evaluate(
    async ({ name, dtype, device, text, count }) => {
      const { env, AutoTokenizer, AutoModelForCausalLM } = await import('@huggingface/transformers' as string);
      env.allowRemoteModels = false;
      env.allowLocalModels = true;
      env.localModelPath = '/models/';
      env.useBrowserCache = false;
      env.backends.onnx.wasm.wasmPaths = '/ort/';
      const tokenizer = await AutoTokenizer.from_pretrained(name);
      const model = await AutoModelForCausalLM.from_pretrained(name, { dtype, ...(device && { device }) });
      const inputs = tokenizer(text);
      const output = await model.generate({ ...inputs, max_new_tokens: count, do_sample: false });
      const ids: number[] = output.tolist()[0].map(Number);
      await model.dispose();
      const length = inputs.input_ids.dims[1];
      return { prompt: ids.slice(0, length), tokens: ids.slice(length) };
    },
    { name, dtype, device, text: TEXT, count: COUNT },
  );
}

// A trace would keep the runtime's megabytes for every test.
test.use({ trace: 'off' });

test('transformers.js is served with the very runtime that it asks for', () => {
  const { asked_for, installed } = runtimeVersions();
  expect(installed).toBe(asked_for);
});

test.describe('folders that Whittle exported', () => {
  const folders = new Map<string, Folder>();
  const expected = new Map<string, (prompt: number[]) => Promise<number[]>>();
  let site: Awaited<ReturnType<typeof serveTransformers>>;

  test.beforeAll(async () => {
    const platform = memoryPlatform();
    const engine = new Engine(platform);
    const files = await tinyLlama(MODEL);
    await engine.run('start', { backend: 'cpu' });
    const asFile = ({ path, blob }: (typeof files)[number]) => ({ path, file: new File([blob], path) });
    await engine.run('open', { source: { kind: 'files', files: files.map(asFile) } });
    const text = (name: string, seed: number) => ({ kind: 'text', name, text: seededText(seed, 400) }) as const;
    await engine.run('set_texts', {
      ...{ calibration: text('calibration', 1), evaluation: text('evaluation', 2) },
      ...{ samples: 2, eval_samples: 2, seqlen: 16 },
    });
    const { model } = await openModel(files);
    for (const [dtype, precision] of Object.entries(DTYPES)) {
      const report = await engine.run('export', { id: 'dense', options: { format: 'transformers.js', precision } });
      folders.set(dtype, platform.exports.get(report.folder) as Folder);
      const stored = await quantizedModel(model, precision);
      expected.set(dtype, (prompt) => ownGenerate(createCpuBackend(), stored, prompt, COUNT, { eos: [0] }));
    }
    site = await serveTransformers(folders);
  });

  test.afterAll(() => site?.close());

  // No device named: that is what the model card's lines do.
  for (const device of [undefined, 'webgpu']) {
    for (const dtype of Object.keys(DTYPES)) {
      test(`${dtype} on ${device ?? 'the default device'}: the same tokens`, async ({ page }) => {
        const isSlow = device === 'webgpu' && (dtype === 'fp32' || dtype === 'q8');
        test.skip(isSlow && !isFull, 'WHITTLE_FULL=1: q4 takes the same way on webgpu');
        const outside: string[] = [];
        page.context().on('request', (request) => {
          const { protocol, origin } = new URL(request.url());
          if (protocol.startsWith('http') && origin !== site.origin) outside.push(request.url());
        });
        await page.goto(site.origin);
        const features = await page.evaluate(async () => [
          ...((await navigator.gpu?.requestAdapter())?.features ?? []),
        ]);
        if (device === 'webgpu' && dtype === 'fp16' && !features.includes('shader-f16')) {
          // Told before anything is computed; software adapters are like that.
          await expect(generate(page, dtype, dtype, device)).rejects.toThrow(/webgpu\) does not support fp16/);
          return;
        }
        const { prompt, tokens } = await generate(page, dtype, dtype, device);
        expect(prompt.length).toBeGreaterThan(5);
        const own = await expected.get(dtype)?.(prompt);
        expect(tokens).toEqual(own);
        // A model that says one word for ever would agree with too much.
        expect(new Set(tokens).size).toBeGreaterThan(2);
        expect(outside).toEqual([]);
      });
    }
  }
});
