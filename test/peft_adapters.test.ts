/** @file LoRA adapters as PEFT saves them, opened with their base, against what transformers computes with each merged. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { toErrorData } from '../src/errors/errors.ts';
import { writeAdapter } from '../src/export/peft/write_adapter.ts';
import type { TensorInfo } from '../src/formats/checkpoint.ts';
import { openAdapter } from '../src/formats/peft/adapter.ts';
import { blobSource } from '../src/formats/source.ts';
import { type ModelFile, type OpenModel, openModel } from '../src/models/open_model.ts';
import { firstWindowLogits } from '../src/runtime/perplexity.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { tinyTokenizerJson } from './fixtures/tiny_tokenizer.ts';
import { memoryFiles } from './onnx/memory_files.ts';
import { folderFiles } from './shared.ts';
import { ggufBytes, ggufSource } from './support/written_gguf.ts';

const path = (...parts: string[]) => fileURLToPath(new URL(`./fixtures/peft/${parts.join('/')}`, import.meta.url));
const { ids, logits } = JSON.parse(readFileSync(path('reference.json'), 'utf8')) as {
  ids: number[];
  logits: Record<string, Record<string, number[]>>;
};
const TOKENIZER = new Blob([JSON.stringify(tinyTokenizerJson())]);

async function files(base: string, adapter?: string): Promise<ModelFile[]> {
  const own = [...(await folderFiles(path(base))), { path: `${base}/tokenizer.json`, blob: TOKENIZER }];
  return adapter ? [...own, ...(await folderFiles(path(`${base}-${adapter}`)))] : own;
}

/** Adapter files with a config key, or a file, changed. */
async function spoilt(adapter: string, change: Record<string, unknown>): Promise<ModelFile[]> {
  return (await files('llama', adapter)).map((file) => {
    if (!file.path.endsWith('adapter_config.json')) return file;
    const config = JSON.parse(readFileSync(path(`llama-${adapter}`, 'adapter_config.json'), 'utf8'));
    return { path: file.path, blob: new Blob([JSON.stringify({ ...config, ...change })]) };
  });
}

const headNames = (name: string) => (name.endsWith('wte.weight') ? 'lm_head.weight' : name);

/** The base's weights under other names. */
async function renamedFile(file: ModelFile, rename: (name: string) => string): Promise<ModelFile> {
  if (file.path.includes('adapter') || !file.path.endsWith('.safetensors')) return file;
  return withHeader(file, (header) =>
    Object.fromEntries(
      Object.entries(header).map(([name, info]) => [name === '__metadata__' ? name : rename(name), info]),
    ),
  );
}

/** One matrix of twice the rows, and half as wide a type. */
async function reshapedFile(file: ModelFile, module: string): Promise<ModelFile> {
  if (!file.path.endsWith('.safetensors')) return file;
  return withHeader(file, (header) =>
    Object.fromEntries(
      Object.entries(header).map(([name, info]) => {
        if (!name.endsWith(`${module}.weight`)) return [name, info];
        const { shape, ...rest } = info as { shape: number[] };
        return [name, { ...rest, dtype: 'F16', shape: [2 * shape[0], shape[1]] }];
      }),
    ),
  );
}

async function withHeader(
  { path: name, blob }: ModelFile,
  change: (header: Record<string, unknown>) => Record<string, unknown>,
): Promise<ModelFile> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const written = new TextEncoder().encode(JSON.stringify(change(header)));
  const size = new DataView(new ArrayBuffer(8));
  size.setBigUint64(0, BigInt(written.length), true);
  return { path: name, blob: new Blob([size.buffer, written, bytes.slice(8 + length)]) };
}

/** As the writer takes it. */
const matrix = async ({ shape }: TensorInfo, values: Promise<Float32Array>) => {
  const own = await values;
  return { shape: [shape[0], shape[1]] as const, read: async () => own };
};

const failure = async (given: Promise<ModelFile[]> | ModelFile[]) =>
  toErrorData(
    await Promise.resolve(given)
      .then((all) => openModel(all))
      .catch((thrown: unknown) => thrown),
  );

describe('a LoRA of PEFT', () => {
  const backend = createWasmBackend();
  afterAll(() => backend.dispose());

  async function lastLogits({ model }: OpenModel): Promise<number[]> {
    const windows = { seqlen: ids.length, count: 1, ids: Uint32Array.from(ids), totalTokens: ids.length };
    const all = await firstWindowLogits(backend, model, windows);
    const vocabulary = model.lm_head.weight.shape[0];
    return [...all.subarray((ids.length - 1) * vocabulary, (ids.length - 1) * vocabulary + 32)];
  }

  /** Weights are stored in float16, so a merged one is rounded to that, as peft rounds it. */
  const isClose = (found: readonly number[], wanted: readonly number[]) => {
    const scale = Math.hypot(...wanted) / Math.sqrt(wanted.length);
    found.forEach((value, i) => {
      expect(Math.abs(value - wanted[i]) / scale, `logit ${i}`).toBeLessThan(4e-3);
    });
  };

  const cases = Object.entries(logits).flatMap(([base, of]) =>
    Object.keys(of).flatMap((adapter) => (adapter === 'dora' ? [] : [[base, adapter] as const])),
  );
  it.each(cases)('%s with %s gives the logits of the merged model', async (base, adapter) => {
    const open = await openModel(await files(base, adapter === 'base' ? undefined : adapter));
    isClose(await lastLogits(open), logits[base][adapter]);
    expect(open.warnings.some((warning) => warning.includes('LoRA factors were merged'))).toBe(adapter !== 'base');
  });

  it.each(['saved_table', 'table', 'head'])('one end of a tied model is changed alone: %s', async (adapter) => {
    const given = await files('gpt2', adapter);
    const open = await openModel(given);
    expect(open.config.tie_word_embeddings).toBe(false);
    expect(open.raw_config.tie_word_embeddings).toBe(false);
    expect(
      open.warnings.some((warning) => /is the same matrix in the base model: they are two here/.test(warning)),
    ).toBe(true);
    // The same base as some tools save it: the one matrix under the head's name, all names behind a wrapper's.
    for (const rename of [headNames, (name: string) => `module.${name}`]) {
      const again = await openModel(await Promise.all(given.map((file) => renamedFile(file, rename))));
      expect(await lastLogits(again)).toEqual(await lastLogits(open));
    }
  });

  it('is found beside a GGUF file, which has no config.json', async () => {
    const apart = await openModel(await files('llama', 'plain'));
    const dense = await openModel(await files('llama'));
    const gguf = { path: 'f32.gguf', blob: new Blob([await ggufBytes(ggufSource(dense))]) };
    const beside = (await folderFiles(path('llama-plain'))).map(({ path: of, blob }) => ({
      path: of.split('/').pop()!,
      blob,
    }));
    isClose(await lastLogits(await openModel([gguf])), logits.llama.base);
    const open = await openModel([gguf, ...beside]);
    isClose(await lastLogits(open), logits.llama.plain);
    expect(await lastLogits(open)).toEqual(await lastLogits(apart));
  });

  it('reads any rows of a merged matrix alike, and lies beside its base in one folder too', async () => {
    const apart = await openModel(await files('llama', 'plain'));
    const beside = (await folderFiles(path('llama-plain'))).map(({ path: of, blob }) => ({
      path: `llama/${of.split('/').pop()}`,
      blob,
    }));
    const together = await openModel([...(await files('llama')), ...beside]);
    const name = 'model.layers.1.mlp.down_proj.weight';
    const whole = await apart.checkpoint.read(name);
    expect(await together.checkpoint.read(name)).toEqual(whole);
    expect(await apart.checkpoint.read(name, { start: 3, end: 7 })).toEqual(whole.subarray(2 * 24 * 3, 2 * 24 * 7));
  });

  it('is written as PEFT reads it: the same factors and scale come back', async () => {
    const folder = await folderFiles(path('llama-plain'));
    const source = (name: string, blob: Blob) => blobSource(name, blob);
    const find = (end: string) => folder.find((file) => file.path.endsWith(end))!.blob;
    const before = await openAdapter(source('c', find('config.json')), source('w', find('.safetensors')));
    const numbers = async (adapter: typeof before, name: string) =>
      decodeStored(await adapter.checkpoint.read(name), 'F32');
    const factors = await Promise.all(
      before.factors.map(async ({ module, A, B }) => ({
        module,
        A: await matrix(A, numbers(before, A.name)),
        B: await matrix(B, numbers(before, B.name)),
      })),
    );
    const { bytes, names, openFile } = memoryFiles();
    await writeAdapter({ base: 'tiny', rank: 4, alpha: 10, factors }, openFile);
    const [config, weights] = names().map((name) => ({ name, bytes: bytes(name) }));
    expect([config.name, weights.name]).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
    const after = await openAdapter(source('c', new Blob([config.bytes])), source('w', new Blob([weights.bytes])));
    expect(after.factors.map(({ module, scale }) => [module, scale])).toEqual(
      before.factors.map(({ module }) => [module, 2.5]),
    );
    for (const [i, { A, B }] of after.factors.entries()) {
      expect(await numbers(after, A.name)).toEqual(await factors[i].A.read());
      expect(await numbers(after, B.name)).toEqual(await factors[i].B.read());
    }
    const opened = await openModel([
      ...(await files('llama')),
      { path: 'a/adapter_config.json', blob: new Blob([config.bytes]) },
      { path: 'a/adapter_model.safetensors', blob: new Blob([weights.bytes]) },
    ]);
    isClose(await lastLogits(opened), logits.llama.plain);
    if (process.env.WHITTLE_PEFT_OUT) {
      const { writeFileSync, mkdirSync } = await import('node:fs');
      mkdirSync(process.env.WHITTLE_PEFT_OUT, { recursive: true });
      for (const { name, bytes } of [config, weights]) writeFileSync(`${process.env.WHITTLE_PEFT_OUT}/${name}`, bytes);
    }
  });

  it('refuses factors that are no matrices of the rank', async () => {
    const { openFile } = memoryFiles();
    const of = (...shape: [number, number]) => ({ shape, read: async () => new Float32Array(shape[0] * shape[1]) });
    const bad = writeAdapter({ rank: 4, alpha: 1, factors: [{ module: 'm', A: of(3, 1), B: of(1, 4) }] }, openFile);
    await expect(bad).rejects.toMatchObject({ code: 'export_failed' });
    const none = writeAdapter({ rank: 4, alpha: 1, factors: [] }, openFile);
    await expect(none).rejects.toMatchObject({ code: 'export_failed' });
  });

  it.each<[string, () => Promise<ModelFile[]>, object]>([
    ['DoRA', () => files('llama', 'dora'), { code: 'bad_config', place: { field: 'use_dora' } }],
    [
      'other adapters',
      () => spoilt('plain', { peft_type: 'IA3' }),
      { code: 'bad_config', place: { field: 'peft_type' } },
    ],
    [
      'a base that was changed',
      () => spoilt('plain', { init_lora_weights: 'pissa_niter_4' }),
      { place: { field: 'init_lora_weights' } },
    ],
    [
      'repeated layers',
      () => spoilt('plain', { layer_replication: [[0, 2]] }),
      { place: { field: 'layer_replication' } },
    ],
    ['keys that are not known', () => spoilt('plain', { use_newlora: true }), { place: { field: 'use_newlora' } }],
    [
      'a vocabulary that was resized',
      async () => {
        const given = await files('gpt2', 'saved_table');
        return Promise.all(given.map((file) => (file.path.includes('adapter') ? reshapedFile(file, 'wte') : file)));
      },
      {
        code: 'shape_mismatch',
        message: expect.stringMatching(/vocabulary was resized/),
        action: expect.stringMatching(/\(528\)/),
      },
    ],
    ['another rank', () => spoilt('plain', { r: 8 }), { place: { field: 'r' } }],
    ['no alpha', () => spoilt('plain', { lora_alpha: undefined }), { place: { field: 'lora_alpha' } }],
    [
      'a pattern that is none',
      () => spoilt('plain', { alpha_pattern: { '(': 2 } }),
      { place: { field: 'alpha_pattern' } },
    ],
    [
      'another base',
      async () => [...(await files('gpt2')), ...(await folderFiles(path('llama-plain')))],
      { code: 'missing_tensor' },
    ],
    [
      'two at once',
      async () => [...(await files('llama', 'plain')), ...(await folderFiles(path('llama-rslora')))],
      { code: 'not_a_model' },
    ],
    [
      'no base',
      () => folderFiles(path('llama-plain')),
      { code: 'not_a_model', message: expect.stringMatching(/adapter/) },
    ],
    [
      'no weights',
      async () => (await files('llama', 'plain')).filter((file) => !file.path.endsWith('adapter_model.safetensors')),
      { code: 'not_a_model', message: expect.stringMatching(/adapter_model/) },
    ],
  ])('refuses %s by name', async (_, given, expected) => {
    const error = await failure(given());
    expect(error).toMatchObject(expected);
    expect(error.action ?? error.allowed).toBeTruthy();
  });
});
