/** Every family from GGUF, converted as llama.cpp does it, against the same model opened from its Hugging Face files. */
import { describe, expect, it } from 'vitest';
import type { DecoderConfig } from '../src/models/architecture.ts';
import { storedWeights } from '../src/models/decoder_model.ts';
import { type OpenModel, openModel } from '../src/models/open_model.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import { type Family, families, familyFiles } from './fixtures/families/family_model.ts';
import { GGUF_NAMES, ggufBlob, ggufFamily } from './fixtures/gguf_model.ts';

/** What llama.cpp has built in, or cannot say: the Hugging Face model is given the same. */
const BUILT_IN: Record<string, Record<string, unknown>> = {
  gemma2: { query_pre_attn_scalar: 8 },
  gemma3_text: { query_pre_attn_scalar: 8 },
  smollm3: { no_rope_layers: [1, 1, 1, 0] },
};
/** Models that no GGUF can tell from others of their architecture: scaling by layer, a window from some layer on, a mixed order of windows. */
const NOT_SAID = ['gpt2_scaled', 'qwen2_window', 'gemma3_v5'];

const FAMILIES = (await families()).filter(({ name }) => GGUF_NAMES[name] && !NOT_SAID.includes(name));

const openGguf = async (family: Family): Promise<OpenModel> =>
  openModel([{ path: `${family.name}.gguf`, blob: await ggufBlob(ggufFamily(family)) }]);

/** Rotary of a layer as numbers: a table of divisors may stand for parameters. */
const frequencies = ({ config }: OpenModel) =>
  (config as DecoderConfig).layers.map(({ rotary }) =>
    rotary ? [...rotary.inv_freq, rotary.attention_factor, rotary.dim] : [],
  );
const withoutRotary = ({ config }: OpenModel) => ({
  ...config,
  layers: (config as DecoderConfig).layers.map(({ rotary, ...layer }) => ({
    ...layer,
    long: rotary?.long?.beyond,
    rotates: rotary !== undefined,
  })),
});

describe.each(FAMILIES)('$name', (family) => {
  it('has the config, the weights and the names of the Hugging Face model', async () => {
    const expected = await openModel(await familyFiles(family, { config: BUILT_IN[family.name] }));
    const found = await openGguf(family);
    expect(found.name).toBe(family.name);
    expect(found.warnings).toEqual([]);
    const [config, reference] = [withoutRotary(found), withoutRotary(expected)];
    // a table of divisors is LongRoPE's form, with one table for both lengths
    if (family.name.startsWith('llama3')) config.layers = reference.layers;
    expect(config).toEqual(reference);
    for (const [layer, numbers] of frequencies(found).entries()) {
      const wanted = frequencies(expected)[layer];
      expect(numbers).toHaveLength(wanted.length);
      for (const [i, number] of numbers.entries()) expect(Math.abs(number / wanted[i] - 1)).toBeLessThan(1e-6);
    }
    const weights = storedWeights(found.model);
    const references = storedWeights(expected.model);
    // BLOOM's checkpoints are found with and without a prefix, GPT-NeoX's heads under two names
    const described = (list: typeof weights) =>
      list.map(({ name, shape }) => [name.replace(/^transformer\.|^(embed_out|lm_head)(?=\.)/, ''), shape]);
    expect(described(weights)).toEqual(described(references));
    for (const [i, weight] of weights.entries()) {
      const reference = decodeStored(await references[i].read(), 'F32');
      // 1 was added and taken away in f32: half a unit of the last place of 2
      const close = family.config.model_type?.toString().startsWith('gemma') ? 2 ** -23 : 0;
      const whole = decodeStored(await weight.read(), weight.dtype);
      expect(worst(whole, reference), weight.name).toBeLessThanOrEqual(close);
      const rows = { start: Math.min(1, weight.shape[0] - 1), end: Math.min(8, weight.shape[0]) };
      const width = reference.length / weight.shape[0];
      const part = decodeStored(await weight.read(rows), weight.dtype);
      expect(worst(part, reference.subarray(rows.start * width, rows.end * width)), weight.name).toBeLessThanOrEqual(
        close,
      );
    }
  });
});

it('covers every architecture that is read', async () => {
  const covered = new Set(FAMILIES.map(({ name }) => GGUF_NAMES[name].architecture));
  const { GGUF_FAMILIES } = await import('../src/formats/gguf/families.ts');
  expect([...covered].sort()).toEqual(Object.keys(GGUF_FAMILIES).sort());
});

function worst(found: Float32Array, expected: Float32Array): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < found.length; i++) largest = Math.max(largest, Math.abs(found[i] - expected[i]));
  return largest;
}
