/** Weights that are decoded while they are read stand in place of their stored parts. */
import { describe, expect, it } from 'vitest';
import type { Checkpoint, TensorInfo } from '../../checkpoint.ts';
import type { StoredIntegers } from '../../integers.ts';
import { type DecodedWeight, withDecoded } from './decoded.ts';

const info = (name: string, bytes: number): TensorInfo => ({
  name,
  dtype: 'I32',
  shape: [bytes / 4],
  bytes,
  file: 'm.safetensors',
});
const parts = [info('w.qweight', 8), info('w.scales', 4)];
const checkpoint: Checkpoint = {
  tensors: new Map([...parts, info('other', 4)].map((each) => [each.name, each])),
  bytes: 16,
  read: async (name) => new TextEncoder().encode(name),
};
const integers = (bits: number) =>
  ({
    ...{ bits, group: 'row', zero: 'integer', scale: 'F32' },
    read: async () => ({
      ...{ rows: 1, columns: 2, codes: Uint8Array.of(3, 1), scales: Float64Array.of(0.5), zeros: Float64Array.of(1) },
    }),
  }) as unknown as StoredIntegers;
const weight = (more: Partial<DecodedWeight>): DecodedWeight => ({
  ...{ name: 'w.weight', shape: [1, 2], label: 'int4', parts },
  ...more,
});
const opened = (more: Partial<DecodedWeight>) => withDecoded(checkpoint, async () => [weight(more)]);
const numbers = (bytes: Uint8Array) => [...new Float32Array(bytes.slice().buffer)];

describe('a weight of stored integers', () => {
  it('takes the place of its parts, with their bytes', async () => {
    const { tensors, read } = await opened({ integers: integers(4) });
    expect([...tensors.keys()]).toEqual(['other', 'w.weight']);
    expect(tensors.get('w.weight')).toMatchObject({
      ...{ dtype: 'F32', shape: [1, 2], bytes: 8, stored: { dtype: 'int4', bytes: 12 }, file: 'm.safetensors' },
    });
    expect(numbers(await read('w.weight'))).toEqual([1, 0]);
    expect(new TextDecoder().decode(await read('other'))).toBe('other');
  });

  it.each([2, 3, 4, 8])('of %d bits may stay integers', async (bits) => {
    const { tensors } = await opened({ integers: integers(bits) });
    expect(tensors.get('w.weight')?.integers?.bits).toBe(bits);
  });

  it.each([5, 6, 7])('of %d bits is floats, as no packing has them', async (bits) => {
    const { tensors, read } = await opened({ integers: integers(bits) });
    expect(tensors.get('w.weight')).not.toHaveProperty('integers');
    expect(numbers(await read('w.weight'))).toEqual([1, 0]);
  });

  it('is read by its own rows where it has them', async () => {
    const { tensors, read } = await opened({ rows: async ({ start, end }) => Float32Array.of(start, end) });
    expect(tensors.get('w.weight')).not.toHaveProperty('integers');
    expect(numbers(await read('w.weight'))).toEqual([0, 1]);
    expect(numbers(await read('w.weight', { start: 1, end: 3 }))).toEqual([1, 3]);
  });

  it('is not what the file has already', async () => {
    await expect(opened({ name: 'other', integers: integers(4) })).rejects.toThrow('other');
    expect(await withDecoded(checkpoint, async () => [])).toBe(checkpoint);
  });
});
