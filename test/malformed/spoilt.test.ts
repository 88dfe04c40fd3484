/**
 * Files of the packed kinds, spoilt at random places from a seed: a header's numbers, a graph's bytes, an end cut off. Each is
 * opened, where the change says nothing wrong, or refused in a whole sentence that names the file; none takes long or much memory.
 * Recipes and importance matrices, which are no models, by a list.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../src/compress/recipe/recipe.ts';
import { readImatrix, writeImatrix } from '../../src/formats/gguf/imatrix.ts';
import { blobSource } from '../../src/formats/source.ts';
import { openModel } from '../../src/models/open_model.ts';
import { jsonBlob } from '../fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';
import { seeded } from './malformed.ts';
import { expectCheap, expectWhole, outcomeOf } from './refusal.ts';

const unzipped = (path: string) => gunzipSync(readFileSync(new URL(`../fixtures/${path}.gz`, import.meta.url)));
const facts = JSON.parse(String(unzipped('packed/variants.json')));
const SEED = 29;
const EACH = 7;

/** One spoilt copy: some bytes below `most` are others, or the end is missing. */
function spoilt(bytes: Uint8Array, random: (below: number) => number, most = bytes.length): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice() as Uint8Array<ArrayBuffer>;
  if (random(6) === 0) return copy.slice(0, random(copy.length));
  for (let i = 0; i <= random(3); i++) copy[random(most)] = random(256);
  return copy;
}

/** Digits of a JSON header's numbers are others: sizes, offsets; or a name's letter. */
function otherHeader(bytes: Uint8Array, random: (below: number) => number): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice() as Uint8Array<ArrayBuffer>;
  const end = 8 + Number(new DataView(copy.buffer).getBigUint64(0, true));
  const isDigit = (at: number) => copy[at] >= 0x30 && copy[at] <= 0x39;
  let at = 8 + random(end - 8);
  while (at < end && !isDigit(at)) at++;
  if (at < end) copy[at] = 0x30 + random(10);
  return copy;
}

async function expectOpenedOrRefused(work: () => unknown, file: string): Promise<boolean> {
  const outcome = await outcomeOf(work);
  expectCheap(outcome);
  if (outcome.error === undefined) return false;
  const { place, message } = expectWhole(outcome.error);
  expect(place.file ?? file, message).toMatch(new RegExp(`^(${file}|config\\.json)$`));
  return true;
}

describe('packed checkpoints', () => {
  it.each(Object.keys(facts.variants))('%s, spoilt', async (variant) => {
    const bytes = new Uint8Array(unzipped(`packed/${variant}.safetensors`));
    const { quantization_config } = facts.variants[variant];
    const random = seeded(SEED + variant.length);
    let refused = 0;
    for (let i = 0; i < EACH; i++) {
      const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const content = random(2) === 0 ? otherHeader(bytes, random) : spoilt(bytes, random, header);
      const files = [
        { path: 'config.json', blob: jsonBlob({ ...facts.config, quantization_config }) },
        { path: 'tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
        { path: 'model.safetensors', blob: new Blob([content]) },
      ];
      if (await expectOpenedOrRefused(() => openModel(files), 'model\\.safetensors')) refused++;
    }
    expect(refused).toBeGreaterThan(EACH / 2);
  });

  it.each(Object.keys(facts.variants))('%s with another config', async (variant) => {
    const { quantization_config } = facts.variants[variant];
    const bytes = new Uint8Array(unzipped(`packed/${variant}.safetensors`));
    const random = seeded(SEED);
    const odd = [null, '4', -1, 1.5, [], {}, 1e9, 'x'];
    for (const key of Object.keys(quantization_config)) {
      const config = { ...quantization_config, [key]: odd[random(odd.length)] };
      const files = [
        { path: 'config.json', blob: jsonBlob({ ...facts.config, quantization_config: config }) },
        { path: 'tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
        { path: 'model.safetensors', blob: new Blob([bytes.slice()]) },
      ];
      await expectOpenedOrRefused(() => openModel(files), 'model\\.safetensors');
    }
  });
});

const ONNX_CONFIG = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 8, intermediate_size: 12 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, num_hidden_layers: 1, vocab_size: 24 },
  ...{ max_position_embeddings: 32, bos_token_id: 1, eos_token_id: 2, attention_bias: true, rms_norm_eps: 1e-6 },
};
const ONNX = [
  'dynamic_fused',
  'dynamic_int8_channels',
  'dynamic_uint8',
  'gather_block_quantized',
  'gather_then_dequantize',
  'nbits_4_asymmetric',
  'nbits_4_symmetric',
  'nbits_8',
  'qdq_4',
  'qdq_blocks',
  'qdq_per_channel',
  'static_qdq',
  'static_qdq_channels',
];

describe('quantised ONNX', () => {
  it.each(ONNX)('%s, spoilt', async (name) => {
    const bytes = new Uint8Array(unzipped(`onnx_quantised/${name}.onnx`));
    const random = seeded(SEED + name.length);
    let refused = 0;
    for (let i = 0; i < 3 * EACH; i++) {
      const files = [
        { path: 'config.json', blob: jsonBlob(ONNX_CONFIG) },
        { path: 'tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
        { path: 'model.onnx', blob: new Blob([spoilt(bytes, random)]) },
      ];
      if (await expectOpenedOrRefused(() => openModel(files), '(model\\.onnx|[^/]*)')) refused++;
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describe('importance matrices', () => {
  it('spoilt', async () => {
    const entries = new Map(
      ['blk.0.attn_q.weight', 'blk.1.ffn_down.weight', 'blk.2.ffn_up_exps.weight'].map((name, i) => [
        name,
        { sums: new Float32Array(24).fill(i + 1), counts: new Float32Array(1 + i).fill(64) },
      ]),
    );
    const parts: BlobPart[] = [];
    const whole = { datasets: ['a.txt'], chunk_count: 16, chunk_size: 256, entries };
    for await (const chunk of writeImatrix(whole)) parts.push(chunk.slice());
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    const random = seeded(SEED);
    let refused = 0;
    for (let i = 0; i < 200; i++) {
      const source = blobSource('imatrix.gguf', new Blob([spoilt(bytes, random)]));
      if (await expectOpenedOrRefused(() => readImatrix(source), 'imatrix\\.gguf')) refused++;
    }
    expect(refused).toBeGreaterThan(100);
  });
});

describe('recipes', () => {
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  it.each([
    ['', 'no steps'],
    [';', 'Step 1'],
    ['rtn;;gptq', 'Step 2'],
    ['[]', 'no steps'],
    ['{}', 'steps'],
    ['{"steps": 4}', 'steps'],
    ['{"steps": [4]}', 'Step 1'],
    ['{"steps": [{"method": "rtn"}, {"options": {}}]}', 'Step 2'],
    ['{"steps": [{"method": 4}]}', 'Step 1'],
    ['{"steps": [{"method": "rtn", "options": []}]}', 'Step 1'],
    ['{"steps": [{"method": "rtn", "more": 1}]}', 'more'],
    ['{"steps": [{"method": "rtn"}], "seed": 1}', 'seed'],
    ['{"steps": [{"method": "rtn"', 'JSON'],
    ['[{"method": "rtn"},]', 'JSON'],
    [deep(100_000), 'JSON'],
    ['{"steps": [{"method": "__proto__"}]}', '__proto__'],
    ['[{"method": "rtn", "options": {"__proto__": 4}}]', 'options'],
    ['[{"method": "rtn", "options": {"bits": "4"}}]', 'bits'],
    ['[{"method": "rtn", "options": {"bits": 1e999}}]', 'bits'],
    ['[{"method": "rtn", "options": {"bits": 4.5}}]', 'bits'],
    ['[{"method": "rtn", "options": {"bits": null}}]', 'bits'],
    ['[{"method": "rtn", "options": {"bits": [4]}}]', 'bits'],
    ['rtn:bits', 'bits'],
    ['rtn:bits=', 'bits'],
    ['rtn:bits=4,bits=8', 'twice'],
    ['rtn:=4', '"=4"'],
    ['rtn:bitz=4', 'bits'],
    ['correct', 'last step'],
    ['slicegpt; correct; rtn', 'another basis'],
    ['recover', 'first step'],
    ['gptq:mix=0.down_proj:9/row', 'mix'],
    ['depth; gptq:delta=true', 'drops layers'],
  ])('number %#', async (text, found) => {
    const outcome = await outcomeOf(() => parseRecipe(text));
    expectCheap(outcome);
    const { code, message, place, allowed, action } = expectWhole(outcome.error);
    expect(code).toBe('bad_option');
    expect(place.field).toBe('recipe');
    expect(`${message} ${allowed} ${action}`).toContain(found);
  });
});
