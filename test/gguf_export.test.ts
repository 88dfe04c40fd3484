/** GGUF out: every family that llama.cpp has, written and opened again, gives the same logits; the others say why not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { ggufRefusal } from '../src/export/gguf/write_gguf.ts';
import { readGgufHeader } from '../src/formats/gguf/header.ts';
import { blobSource } from '../src/formats/source.ts';
import { type OpenModel, openModel } from '../src/models/open_model.ts';
import { firstWindowLogits } from '../src/runtime/perplexity.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { type Family, families, familyFiles } from './fixtures/families/family_model.ts';
import { ggufBlob, ggufFamily } from './fixtures/gguf_model.ts';
import { oneWindow } from './support/golden.ts';
import { ggufBytes, ggufSource } from './support/written_gguf.ts';

/** What llama.cpp has built in, and the fixtures have otherwise. */
const BUILT_IN: Record<string, Record<string, unknown>> = {
  gemma2: { query_pre_attn_scalar: 8 },
  gemma3_text: { query_pre_attn_scalar: 8 },
  smollm3: { no_rope_layers: [1, 1, 1, 0] },
};

/** Families that the table of llama.cpp's graphs does not have. */
const UNKNOWN = [
  ...['gptj', 'opt', 'opt_plain', 'cwm', 'exaone', 'exaone_v5', 'internlm3', 'iquestcoder', 'ministral', 'ministral3'],
  ...['seed_oss', 'seed_oss_out', 'ernie4_5', 'helium', 'olmo', 'olmo_free', 'cohere', 'arcee', 'nemotron', 'glm'],
  ...['starcoder2', 'apertus', 'cohere_plus', 'glm4'],
];

/** Why not, for fixtures that no GGUF expresses. */
const REFUSED: Record<string, RegExp> = {
  falcon_rw: /falcon/,
  gemma3_v5: /sliding windows in other layers/,
  gpt2_scaled: /scale of the scores/,
  ...Object.fromEntries(UNKNOWN.map((name) => [name, /knows no graph of llama\.cpp for models of the type /])),
  qwen2_window: /qwen2 has no sliding windows/,
};

/** Numbers that a file keeps in f32 where the config has f64: norms with their 1, divisors of frequencies. */
const ROUNDED = /^(gemma|llama3|phi3_longrope)/;

const FAMILIES = await families();

const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};

describe.each(FAMILIES.filter(({ name }) => !REFUSED[name]))('$name', (family) => {
  let backend: Backend;
  let open: OpenModel;
  beforeAll(async () => {
    backend = createCpuBackend();
    open = await openModel(await familyFiles(family, { config: BUILT_IN[family.name] }));
  });
  afterAll(() => backend.dispose());
  const logits = ({ model }: OpenModel) => firstWindowLogits(backend, model, oneWindow(family.runs[0].input_ids));

  it('holds the tensors and the numbers that the converter of llama.cpp would write', async () => {
    const written = await headerAndBytes(await ggufBytes(ggufSource(open), { precision: 'f32' }));
    const other = await ggufBlob(ggufFamily({ ...family, config: { ...family.config, ...BUILT_IN[family.name] } }));
    const converted = await headerAndBytes(new Uint8Array(await other.arrayBuffer()));
    // Where llama.cpp wants a head of its own, a tied table is there twice.
    const extra = [...written.tensors.keys()].filter((name) => !converted.tensors.has(name));
    expect(extra.every((name) => name === 'output.weight' && family.config.tie_word_embeddings === true)).toBe(true);
    for (const [name, { shape, values }] of converted.tensors) {
      const own = written.tensors.get(name);
      expect(own?.shape, name).toEqual(shape);
      expect(worstDifference(own!.values, values), name).toBeLessThanOrEqual(name.startsWith('rope_') ? 1e-6 : 0);
    }
    // A window that llama.cpp ignores ends the context here, and does not there.
    const ends = open.model.layers[0].attention.sliding_window !== undefined && /^(mistral|phi3)$/.test(family.name);
    const other_keys = ends ? /^(tokenizer|general)|context_length$/ : /^(tokenizer|general)/;
    const same = converted.metadata.keys().filter((key) => !other_keys.test(key));
    for (const key of same) expect(written.metadata.show(key), key).toBe(converted.metadata.show(key));
  });

  it('gives the same logits from its GGUF', async () => {
    expect(ggufRefusal(open.model, open.raw_config, ggufSource(open))).toBeUndefined();
    const found = await reopened(open, family);
    expect(found.warnings).toEqual([]);
    expect(found.config.model_type).toBe(family.config.model_type);
    const expected = await logits(open);
    const worst = worstDifference(await logits(found), expected);
    expect(worst).toBeLessThanOrEqual(ROUNDED.test(family.name) ? 1e-6 : 0);
    const text = 'the heron, in 1999:\n on a tern é';
    expect(found.tokenizer.encode(text)).toEqual(open.tokenizer.encode(text));
  });
});

describe('what GGUF cannot express', () => {
  it.each(Object.entries(REFUSED))('%s: says why', async (name, reason) => {
    const family = FAMILIES.find((each) => each.name === name) as Family;
    const open = await openModel(await familyFiles(family));
    expect(ggufRefusal(open.model, open.raw_config)).toMatch(reason);
    await expect(ggufBytes(ggufSource(open))).rejects.toMatchObject({
      code: 'bad_option',
      message: expect.stringMatching(reason),
    });
  });

  it.each<[string, string, Record<string, unknown>, RegExp]>([
    ['another activation', 'llama', { hidden_act: 'gelu' }, /llama has no activation gelu/],
    ['a scale of its own', 'gemma2', {}, /gemma2 has no scale of the scores/],
    [
      'logits without a cap',
      'gemma2',
      { query_pre_attn_scalar: 8, final_logit_softcapping: null },
      /logits without a cap/,
    ],
    ['other layers without rotary', 'smollm3', { no_rope_layers: [0, 1, 1, 1] }, /rotary embedding in layer 0/],
    ['LongRoPE in Llama', 'llama', { rope_scaling: longrope(3) }, /llama has no LongRoPE/],
    ['tables in Qwen', 'qwen2', { rope_scaling: LLAMA3 }, /qwen2 cannot scale the rotary embedding/],
  ])('%s', async (_, name, config, reason) => {
    const family = FAMILIES.find((each) => each.name === name) as Family;
    const open = await openModel(await familyFiles(family, { config }));
    expect(ggufRefusal(open.model, open.raw_config)).toMatch(reason);
  });

  it.each<[string, (open: OpenModel) => OpenModel['model']]>([
    [
      'shortcuts',
      ({ model }) => ({
        ...model,
        layers: model.layers.map((layer) => ({ ...layer, attn_shortcut_Q: model.lm_head.weight })),
      }),
    ],
    [
      'a projection of the embedding',
      ({ model }) => ({ ...model, embed_tokens: { ...model.embed_tokens, projection: model.lm_head.weight } }),
    ],
    [
      'a projection of the head',
      ({ model }) => ({ ...model, lm_head: { ...model.lm_head, projection: model.lm_head.weight } }),
    ],
  ])('sliced models: %s', async (_, slice) => {
    const open = await openModel(await familyFiles(FAMILIES.find(({ name }) => name === 'llama') as Family));
    expect(ggufRefusal(slice(open), open.raw_config)).toMatch(/sliced.*no GGUF file can express it today/);
  });
});

describe('rotary embeddings', () => {
  const scaled = async (name: string, rope_scaling: object) => {
    const family = FAMILIES.find((each) => each.name === name) as Family;
    const open = await openModel(await familyFiles(family, { config: { rope_scaling, rope_parameters: null } }));
    const found = await reopened(open, family);
    const [own, other] = [open, found].map(({ model }) => model.layers[0].attention.rotary!);
    expect(other.attention_factor).toBeCloseTo(own.attention_factor, 12);
    for (const [i, frequency] of own.inv_freq.entries()) {
      expect(Math.abs(other.inv_freq[i] / frequency - 1)).toBeLessThan(1e-7);
    }
    return found.raw_config;
  };

  it('scaled by YaRN, linearly and by bands stay what they are', async () => {
    const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 };
    expect(await scaled('qwen2', yarn)).toMatchObject({ rope_scaling: yarn });
    expect(await scaled('llama', { ...yarn, beta_fast: 16, beta_slow: 2 })).toMatchObject({
      rope_scaling: { beta_fast: 16 },
    });
    expect(await scaled('qwen3', { rope_type: 'linear', factor: 3 })).toMatchObject({ rope_scaling: { factor: 3 } });
    await scaled('llama', LLAMA3);
    await scaled('granite', LLAMA3);
  });

  it('scaled by YaRN with an attention factor of its own are refused', async () => {
    const family = FAMILIES.find(({ name }) => name === 'llama') as Family;
    const rope_scaling = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64, attention_factor: 2 };
    const open = await openModel(await familyFiles(family, { config: { rope_scaling } }));
    expect(ggufRefusal(open.model, open.raw_config)).toMatch(/cannot scale the rotary embedding/);
  });
});

async function headerAndBytes(bytes: Uint8Array<ArrayBuffer>) {
  const { metadata, tensors } = await readGgufHeader(blobSource('written.gguf', new Blob([bytes])));
  const numbers = tensors.map(({ name, type, shape, offset, bytes: length }) => {
    expect([name, type]).toEqual([name, 'F32']);
    return [name, { shape, values: decodeStored(bytes.subarray(offset, offset + length), 'F32') }] as const;
  });
  return { metadata, tensors: new Map(numbers) };
}

async function reopened(open: OpenModel, { name }: Family): Promise<OpenModel> {
  const bytes = await ggufBytes(ggufSource(open), { precision: 'f32' });
  return openModel([{ path: `${name}.gguf`, blob: new Blob([bytes]) }]);
}

function worstDifference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]) / largest), 0);
}

function longrope(frequencies: number): object {
  const factors = (first: number) => Array.from({ length: frequencies }, (_, i) => first + i);
  return { rope_type: 'longrope', short_factor: factors(1), long_factor: factors(2), factor: 4 };
}
