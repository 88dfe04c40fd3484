/** Checkpoints as GPTQ, AWQ, compressed-tensors and ModelOpt pack them, against what their numbers compute in PyTorch (tools/packed_checkpoints.py). */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { WeightPicker } from '../src/models/build/weight_picker.ts';
import type { WeightRef } from '../src/models/decoder_model.ts';
import { weightRoles } from '../src/models/map_weights.ts';
import { openModel } from '../src/models/open_model.ts';
import { dense } from '../src/models/packed/dense.ts';
import { firstWindowLogits } from '../src/runtime/perplexity.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { jsonBlob } from './fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from './fixtures/tiny_tokenizer.ts';
import { oneWindow } from './support/golden.ts';

const backend = createCpuBackend();
afterAll(() => backend.dispose());

const FOLDER = new URL('./fixtures/packed/', import.meta.url);
const unzipped = async (name: string) => gunzipSync(await readFile(new URL(`${name}.gz`, FOLDER)));

interface Facts {
  input_ids: number[];
  config: Record<string, unknown>;
  variants: Record<string, { quantization_config: object; logits: number[] }>;
}
const facts: Facts = JSON.parse(String(await unzipped('variants.json')));

async function opened(name: string) {
  const { quantization_config } = facts.variants[name];
  return openModel([
    { path: 'm/config.json', blob: jsonBlob({ ...facts.config, quantization_config }) },
    { path: 'm/tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
    { path: 'm/model.safetensors', blob: new Blob([await unzipped(`${name}.safetensors`)]) },
  ]);
}

const LABELS: Record<string, string> = {
  ...{
    gptq_1_act_order: 'int4 g16 ordered',
    gptq_1_8_rows: 'int8 row',
    gptq_1_dynamic: 'int8 g32',
    gptq_2_2: 'int2 g16',
  },
  ...{
    gptq_2_3_act_order: 'int3 g16 ordered',
    gptq_1_symmetric_3: 'int3 g16',
    ct_w3a16: 'int3 g16',
    ct_w6a16: 'int6 g16',
  },
  ...{
    ct_w8a16: 'int8 row',
    ct_int8: 'int8 row',
    ct_int8_tensor: 'int8 row',
    ct_int8_blocks: 'int8 g16',
    ct_nvfp4: 'NVFP4',
    ct_mxfp4: 'MXFP4',
  },
  modelopt_nvfp4: 'NVFP4',
};
const DENSE_ALONE = /uneven|w6a16|fp4/;

describe('packed checkpoints of other tools', () => {
  it.each(Object.entries(facts.variants))('%s opens with the logits of PyTorch', async (name, { logits }) => {
    const { model, warnings } = await opened(name);
    expect(warnings.filter((warning) => !warning.startsWith('The tokenizer has ids'))).toEqual([]);
    const found = await firstWindowLogits(backend, model, oneWindow(facts.input_ids));
    expect(found.length).toBe(logits.length);
    const largest = Math.max(...logits.map(Math.abs));
    for (const [i, value] of logits.entries())
      expect(Math.abs(found[i] - value), `logit ${i}`).toBeLessThan(3e-6 * largest);

    const { weight } = model.layers[0].mlp.down_proj;
    expect(weight.stored?.dtype).toBe(LABELS[name] ?? 'int4 g16');
    expect(weight.packed === undefined).toBe(DENSE_ALONE.test(name));
    await expectParts(weight);
    for (const [ref, role] of weightRoles(model)) if (role === 'linear' && ref.packed) await expectCodes(ref);
  });
});

/** Rows read in blocks are those of the whole. */
async function expectParts(ref: WeightRef): Promise<void> {
  const whole = decodeStored(await ref.read(), ref.dtype);
  const [rows, columns] = ref.shape;
  for (const [start, end] of [
    [0, 5],
    [5, rows],
    [7, 8],
  ]) {
    const part = decodeStored(await ref.read({ start, end }), ref.dtype);
    expect(part).toEqual(whole.slice(start * columns, end * columns));
  }
}

/** The codes stand for the numbers. */
async function expectCodes(ref: WeightRef): Promise<void> {
  expect(dense(await ref.unpack!())).toEqual(Float32Array.from(decodeStored(await ref.read(), ref.dtype)));
}

it('a packed linear is (out, in), also in families that store (in, out)', async () => {
  const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const square = { name: 'w', dtype: 'F32', shape: [2, 2], bytes: 16, file: 'f' };
  const picked = (out_in: boolean) =>
    new WeightPicker({ tensors: new Map([['w', { ...square, out_in }]]), bytes: 16, read: async () => bytes });
  const read = async (out_in: boolean) => decodeStored(await picked(out_in).takeTransposed('w', [2, 2]).read(), 'F32');
  expect([...(await read(true))]).toEqual([1, 2, 3, 4]);
  expect([...(await read(false))]).toEqual([1, 3, 2, 4]);
});
