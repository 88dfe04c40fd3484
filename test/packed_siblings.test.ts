/** Packed checkpoints as they also lie about: in shards, with biases, and with their settings in a file of their own. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { readSafetensorsHeader } from '../src/formats/safetensors/header.ts';
import { writeSafetensors } from '../src/formats/safetensors/write.ts';
import { blobSource } from '../src/formats/source.ts';
import { openModel } from '../src/models/open_model.ts';
import { firstWindowLogits } from '../src/runtime/perplexity.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { jsonBlob } from './fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from './fixtures/tiny_tokenizer.ts';
import { oneWindow } from './support/golden.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

const unzipped = async (name: string) =>
  gunzipSync(await readFile(new URL(`./fixtures/packed/${name}.gz`, import.meta.url)));
const facts = JSON.parse(String(await unzipped('variants.json')));

interface Stored {
  name: string;
  dtype: string;
  shape: readonly number[];
  bytes: Uint8Array<ArrayBuffer>;
}

async function safetensorsBlob(tensors: readonly Stored[]): Promise<Blob> {
  const parts: BlobPart[] = [];
  const toWrite = tensors.map(({ bytes, ...info }) => ({ ...info, chunks: () => [bytes] }));
  for await (const chunk of writeSafetensors(toWrite as Parameters<typeof writeSafetensors>[0], {}))
    parts.push(chunk.slice());
  return new Blob(parts);
}

async function tensorsOf(variant: string): Promise<Stored[]> {
  const bytes = await unzipped(`${variant}.safetensors`);
  const { entries } = await readSafetensorsHeader(blobSource('model.safetensors', new Blob([bytes])));
  return entries.map(({ name, dtype, shape, offset, bytes: size }) => {
    return { name, dtype, shape, bytes: new Uint8Array(bytes.subarray(offset, offset + size)) };
  });
}

interface Options {
  config?: object;
  shards?: number;
  beside?: Record<string, unknown>;
  more?: readonly Stored[];
}

/** @param shards Tensors go round them, so that no weight has all its parts in one. */
async function opened(variant: string, { config, shards = 1, beside = {}, more = [] }: Options) {
  const tensors = [...(await tensorsOf(variant)), ...more];
  const names = Array.from({ length: shards }, (_, i) =>
    shards === 1 ? 'model.safetensors' : `model-0000${i + 1}-of-0000${shards}.safetensors`,
  );
  const weights = names.map(async (path, i) => ({
    path,
    blob: await safetensorsBlob(tensors.filter((_, at) => at % shards === i)),
  }));
  const weight_map = Object.fromEntries(tensors.map(({ name }, at) => [name, names[at % shards]]));
  return openModel([
    { path: 'config.json', blob: jsonBlob({ ...facts.config, ...config }) },
    { path: 'tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
    ...(await Promise.all(weights)),
    ...(shards > 1 ? [{ path: 'model.safetensors.index.json', blob: jsonBlob({ weight_map }) }] : []),
    ...Object.entries(beside).map(([path, value]) => ({ path, blob: jsonBlob(value) })),
  ]);
}

const said = (warnings: readonly string[]) => warnings.filter((each) => !each.startsWith('The tokenizer has ids'));

async function expectLogits({ model }: Awaited<ReturnType<typeof opened>>, variant: string) {
  const { logits } = facts.variants[variant];
  const found = await firstWindowLogits(backend, model, oneWindow(facts.input_ids));
  const largest = Math.max(...logits.map(Math.abs));
  const apart = logits.map((value: number, i: number) => Math.abs(value - found[i]));
  expect(Math.max(...apart)).toBeLessThan(3e-6 * largest);
}

describe('settings in a file of their own', () => {
  it.each([
    [
      'gptq_1_act_order',
      'quantize_config.json',
      { bits: 4, group_size: 16, damp_percent: 0.01, desc_act: true, static_groups: false, sym: false },
    ],
    [
      'gptq_2_2',
      'quantize_config.json',
      { bits: 2, group_size: 16, checkpoint_format: 'gptq_v2', quant_method: 'gptq' },
    ],
    ['awq_gemm', 'quant_config.json', { zero_point: true, q_group_size: 16, w_bit: 4, version: 'GEMM' }],
  ])('%s opens by %s alone', async (variant, file, settings) => {
    const model = await opened(variant, { beside: { [file]: settings } });
    expect(said(model.warnings)).toEqual([expect.stringContaining(`${file} does, and is taken`)]);
    await expectLogits(model, variant);
  });

  it('are not asked where config.json says it', async () => {
    const { quantization_config } = facts.variants.gptq_2_2;
    const beside = { 'quantize_config.json': { bits: 8, checkpoint_format: 'marlin' } };
    await expectLogits(await opened('gptq_2_2', { config: { quantization_config }, beside }), 'gptq_2_2');
  });

  it('in a layout that is not decoded are refused by that file', async () => {
    const beside = { 'quant_config.json': { zero_point: true, q_group_size: 16, w_bit: 4, version: 'GEMV' } };
    await expect(opened('awq_gemm', { beside })).rejects.toMatchObject({
      code: 'unsupported_dtype',
      place: { file: 'quant_config.json', field: 'version' },
      message: expect.stringMatching(/^version is "gemv"/),
    });
  });

  it('that nobody gave are asked for', async () => {
    await expect(opened('gptq_1_act_order', {})).rejects.toMatchObject({
      code: 'unsupported_dtype',
      action: expect.stringContaining('quantize_config.json'),
    });
  });
});

it.each(['gptq_1_act_order', 'awq_gemm', 'ct_w4a16_asymmetric', 'ct_int8', 'ct_nvfp4', 'ct_mxfp4', 'modelopt_nvfp4'])(
  '%s opens in shards that part its weights',
  async (variant) => {
    const { quantization_config } = facts.variants[variant];
    const model = await opened(variant, { config: { quantization_config }, shards: 3 });
    expect(said(model.warnings)).toEqual([]);
    await expectLogits(model, variant);
  },
);

describe('biases beside packed weights', () => {
  const biases = ['q', 'k', 'v', 'o'].map((name, at): Stored => {
    const values = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i + at));
    return {
      ...{ name: `model.layers.0.self_attn.${name}_proj.bias`, dtype: 'F32', shape: [32] },
      bytes: new Uint8Array(values.buffer),
    };
  });
  const { quantization_config } = facts.variants.gptq_1_act_order;

  it('are read where the config has them', async () => {
    const config = { quantization_config, attention_bias: true };
    const { model, warnings } = await opened('gptq_1_act_order', { config, more: biases });
    expect(said(warnings)).toEqual([]);
    const { weight, bias } = model.layers[0].attention.v_proj;
    expect(weight.packed).toBeDefined();
    expect(new Uint8Array((await bias!.read()).slice())).toEqual(biases[2].bytes);
    expect(decodeStored(await bias!.read(), bias!.dtype)[3]).toBeCloseTo(Math.sin(5), 6);
  });

  it('are told where it has none, as transformers leaves them out', async () => {
    const model = await opened('gptq_1_act_order', { config: { quantization_config }, more: biases });
    expect(said(model.warnings)).toEqual([expect.stringContaining('left out: model.layers.0.self_attn.q_proj.bias')]);
    await expectLogits(model, 'gptq_1_act_order');
  });
});
