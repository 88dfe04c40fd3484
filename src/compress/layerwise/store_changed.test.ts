/** What a method made of a matrix, stored and planned: floats, packed, or as it was. */
import { describe, expect, it } from 'vitest';
import { tinyDecoder } from '../../../test/onnx/tiny_decoder.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { layerLinears, linearOf } from './half.ts';
import { planLinears } from './plan_linears.ts';
import { storeChanged } from './store_changed.ts';

describe('a changed matrix', () => {
  it.each([
    ['F32', 70_000, 'F32'],
    ['F16', 65_519, 'F16'],
    ['F16', 65_520, 'F32'],
    ['F16', -70_000, 'F32'],
    ['F16', Number.NaN, 'F32'],
  ] as const)('of %s floats with %d is stored as %s', async (dtype, largest, stored) => {
    const values = Float64Array.from([1, -2, 0.5, largest, 0, 3]);
    const ref = await storeChanged(memoryScratch(), 'w', [2, 3], { values }, dtype);
    expect(ref).toMatchObject({ name: 'w', shape: [2, 3], dtype: stored });
    const found = decodeStored(await ref.read(), ref.dtype);
    expect(found.every((value, i) => Object.is(value, values[i]) || Math.abs(value - values[i]) <= 32)).toBe(true);
    expect(decodeStored(await ref.read({ start: 1, end: 2 }), ref.dtype)).toHaveLength(3);
  });
});

describe('a plan', () => {
  it('leaves a matrix that is kept as it is, and makes floats of one that is not packed', () => {
    const model = tinyDecoder();
    const planned = planLinears(model, (_, { name }) => (name === 'q_proj' ? undefined : 'kept'));
    for (const [i, layer] of model.layers.entries()) {
      for (const name of layerLinears(layer)) {
        const [before, after] = [linearOf(layer, name).weight, linearOf(planned.layers[i], name).weight];
        if (name === 'q_proj') expect(after).toMatchObject({ shape: before.shape });
        expect(after === before, name).toBe(name !== 'q_proj');
      }
    }
  });
});
