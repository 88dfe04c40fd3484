/** Scales of a linear's inputs: where they may go, and that what they go into undoes them. */
import { describe, expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import type { DecoderLayer, WeightRef } from '../../models/decoder_model.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { foldScale } from './fold_scale.ts';
import { halfOf, inputLinears, linearOf, outputLinear, withLinear } from './half.ts';
import { rowPower, scalePlace } from './scale_place.ts';

const [layer] = tinyDecoder({ biases: true, norm: 'layer_norm', norm_weights: true, kv_heads: 2 }).layers;
const { attention, mlp } = layer;
const even = { ...layer, attention: { ...attention, num_key_value_heads: attention.num_attention_heads } };

const values = async (ref: WeightRef) => Float64Array.from(decodeStored(await ref.read(), ref.dtype));
const powers = (count: number) => Float64Array.from({ length: count }, (_, i) => 2 ** ((i % 5) - 2));

describe('the place of a scale', () => {
  it.each(['q_proj', 'k_proj', 'v_proj'] as const)('of %s is the norm before attention', (name) => {
    expect(scalePlace(layer, name)).toBe('input_layernorm');
  });

  it.each(['gate_proj', 'up_proj'] as const)('of %s is the norm before the MLP', (name) => {
    expect(scalePlace(layer, name)).toBe('post_attention_layernorm');
  });

  it('of o_proj is v, unless several heads share it or values are clipped', () => {
    expect(scalePlace(even, 'o_proj')).toBe('v_proj');
    expect(scalePlace({ ...even, attention: { ...even.attention, num_key_value_heads: 1 } }, 'o_proj')).toBeUndefined();
    expect(scalePlace({ ...even, attention: { ...even.attention, clip_qkv: 1 } }, 'o_proj')).toBeUndefined();
  });

  it('of down_proj is up, where the activation lets a scale through', () => {
    const plain = { ...mlp, gate_proj: undefined };
    const place = (activation: typeof mlp.activation) =>
      scalePlace({ ...layer, mlp: { ...plain, activation } }, 'down_proj');
    expect(scalePlace(layer, 'down_proj')).toBe('up_proj');
    expect([place('relu'), place('relu2'), place('gelu'), place('silu')]).toEqual([
      'up_proj',
      'up_proj',
      undefined,
      undefined,
    ]);
  });

  it('is none in a norm that both branches read, that is missing, or that has no weight', () => {
    const shared = { ...layer, post_attention_layernorm: layer.input_layernorm };
    const bare = { ...layer, input_layernorm: { ...layer.input_layernorm!, weight: undefined } };
    for (const other of [shared, bare, { ...layer, input_layernorm: undefined }]) {
      expect(scalePlace(other, 'q_proj')).toBeUndefined();
    }
  });
});

describe('a folded scale', () => {
  const fold = (from: DecoderLayer, place: Parameters<typeof foldScale>[1]['place'], scale: Float64Array) =>
    foldScale(from, { place, scale }, memoryScratch(), 'F32');

  it.each([0, 1])('divides a norm’s weight, whose offset is %d, and its bias', async (weight_offset) => {
    const norm = { ...layer.input_layernorm!, ...(weight_offset && { weight_offset }) };
    const scale = powers(norm.weight!.shape[0]);
    const found = (await fold({ ...layer, input_layernorm: norm }, 'input_layernorm', scale)).input_layernorm!;
    const [before, after] = [await values(norm.weight!), await values(found.weight!)];
    for (const [i, value] of after.entries()) {
      expect(value + weight_offset).toBeCloseTo((before[i] + weight_offset) / scale[i], 5);
    }
    expect(await values(found.bias!)).toEqual((await values(norm.bias!)).map((value, i) => value / scale[i]));
  });

  it.each([
    ['v_proj', even, 1],
    ['up_proj', layer, 1],
    ['up_proj', { ...layer, mlp: { ...mlp, gate_proj: undefined, activation: 'relu2' as const } }, 0.5],
  ] as const)('divides rows and bias of %s', async (place, from, power) => {
    if (place === 'up_proj') expect(rowPower(from)).toBe(power);
    const linear = linearOf(from, place);
    const [rows, columns] = linear.weight.shape;
    const scale = powers(rows);
    const found = linearOf(await fold(from, place, scale), place);
    const [before, after] = [await values(linear.weight), await values(found.weight)];
    for (const [i, value] of after.entries()) {
      expect(value).toBeCloseTo(before[i] / scale[Math.floor(i / columns)] ** power, 5);
    }
    const bias = await values(found.bias!);
    for (const [i, value] of (await values(linear.bias!)).entries())
      expect(bias[i]).toBeCloseTo(value / scale[i] ** power, 5);
  });

  it('has no place in a norm that is not there', async () => {
    const none = { ...layer, input_layernorm: undefined };
    await expect(fold(none, 'input_layernorm', powers(4))).rejects.toThrow('has no input_layernorm');
  });
});

describe('the halves of a layer', () => {
  it('hold the linears that read their inputs and the one that writes', () => {
    for (const half of ['attention', 'mlp'] as const) {
      for (const name of [...inputLinears(layer, half), outputLinear(half)]) {
        expect(halfOf(name)).toBe(half);
        const other = { weight: layer.attention.q_proj.weight };
        const changed = withLinear(layer, name, other);
        expect(linearOf(changed, name)).toBe(other);
        expect(changed[half]).not.toBe(layer[half]);
        expect(changed[half === 'mlp' ? 'attention' : 'mlp']).toBe(layer[half === 'mlp' ? 'attention' : 'mlp']);
      }
    }
  });
});
