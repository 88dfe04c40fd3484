import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../test/bad_input.ts';
import { family, familyFiles, hashedValues } from '../../test/fixtures/families/family_model.ts';
import type { TinyTensor } from '../../test/fixtures/tiny_llama.ts';
import type { Checkpoint, TensorInfo } from '../formats/checkpoint.ts';
import { decodeToFloat32 } from '../tensor/half.ts';
import { WeightPicker } from './build/weight_picker.ts';
import { storedWeights } from './decoder_model.ts';
import { countParameters } from './model_size.ts';
import { openModel } from './open_model.ts';

const open = async (name: string, edits: Parameters<typeof familyFiles>[1] = {}) =>
  openModel(await familyFiles(await family(name), edits));

const renamed = (change: (name: string) => string) => (tensors: TinyTensor[]) =>
  tensors.map((tensor) => ({ ...tensor, name: change(tensor.name) }));

describe('buildDecoderModel', () => {
  it.each(['phi3', 'gpt2', 'gpt_neox', 'falcon_40b', 'bloom'])(
    'counts every element of fused weights once: %s',
    async (name) => {
      const { tensors } = await family(name);
      const { model } = await open(name);
      const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      expect(countParameters(model)).toBe(elements);
      const names = storedWeights(model).map((ref) => ref.name);
      expect(new Set(names).size).toBe(names.length);
    },
  );

  it('reads a Conv1D as (out, in)', async () => {
    const { tensors } = await family('gpt2');
    const stored = tensors.find(({ name }) => name.endsWith('h.1.mlp.c_fc.weight'))!;
    const [inputs, out] = stored.shape;
    const values = hashedValues(stored.name, stored.shape, stored.centre, stored.amplitude);
    const { weight } = (await open('gpt2')).model.layers[1].mlp.up_proj;
    expect(weight.shape).toEqual([out, inputs]);
    const rows = decodeToFloat32(await weight.read({ start: 2, end: 5 }), 'F32');
    expect([...rows]).toEqual(
      Array.from({ length: 3 * inputs }, (_, i) => values[(i % inputs) * out + 2 + Math.floor(i / inputs)]),
    );
  });

  it('finds weights with and without the prefix', async () => {
    const with_prefix = await open('llama');
    const without = await open('llama', { edit: renamed((name) => name.replace(/^model\./, '')) });
    expect(without.warnings).toEqual([]);
    expect(countParameters(without.model)).toBe(countParameters(with_prefix.model));
  });

  it('uses one norm object for both branches of a parallel layer that has one', async () => {
    for (const layer of (await open('phi')).model.layers) {
      expect(layer.parallel).toBe(true);
      expect(layer.post_attention_layernorm).toBe(layer.input_layernorm);
    }
    const [two] = (await open('gpt_neox')).model.layers;
    expect(two.post_attention_layernorm).not.toBe(two.input_layernorm);
  });

  it('shares one rotary object among layers that turn alike', async () => {
    const { model } = await open('llama3');
    expect(new Set(model.layers.map(({ attention }) => attention.rotary)).size).toBe(1);
  });

  it('names the stored tensor and both shapes where a fused weight does not fit', async () => {
    const changed = open('phi3', { config: { intermediate_size: 24 } });
    await expectBadInput(changed, 'shape_mismatch', 'layers.0.mlp.gate_up_proj.weight', '[48, ');
    const heads = open('phi3', { config: { num_key_value_heads: 4 } });
    await expectBadInput(heads, 'shape_mismatch', 'layers.0.self_attn.qkv_proj.weight');
    const missing = open('phi3', { edit: renamed((name) => name.replace('layers.1.self_attn.qkv', 'layers.1.qkv')) });
    await expectBadInput(missing, 'missing_tensor', 'model.layers.1.self_attn.qkv_proj.weight');
  });
});

describe('WeightPicker', () => {
  const checkpoint = (info: Omit<TensorInfo, 'name' | 'file'>): Checkpoint => ({
    tensors: new Map([['w', { ...info, name: 'w', file: 'model.gguf' }]]),
    bytes: info.bytes,
    read: async () => new Uint8Array(info.bytes),
  });

  it('keeps what the file holds where reading widens it', () => {
    const stored = { dtype: 'F8_E4M3', bytes: 6 };
    const picker = new WeightPicker(checkpoint({ dtype: 'BF16', shape: [2, 3], bytes: 12, stored }));
    expect(picker.take('w', [2, 3]).stored).toEqual(stored);
    expect(picker.takeTransposed('w', [3, 2])).toMatchObject({ stored, shape: [3, 2] });
  });

  it('does not transpose blocks', async () => {
    const picker = new WeightPicker(checkpoint({ dtype: 'Q8_0', shape: [32, 64], bytes: 2176 }));
    expect(picker.take('w', [32, 64]).dtype).toBe('Q8_0');
    const read = async () => picker.takeTransposed('w', [64, 32]);
    await expectBadInput(read(), 'unsupported_dtype', 'w is stored as Q8_0', 'model.gguf');
  });
});
