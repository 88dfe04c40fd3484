import { describe, expect, it } from 'vitest';
import type { WeightRef } from '../../models/decoder_model.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { blockOf, type DType } from '../../tensor/dtype.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { interleavedRows, raised, stackedRows } from './weight_rows.ts';

/** Each row's bytes are its number; remembers which rows were read. */
function numbered(rows: number, columns: number, dtype: DType = 'F32') {
  const { elements, bytes } = blockOf(dtype);
  const width = (columns / elements) * bytes;
  const reads: [number, number][] = [];
  const ref: WeightRef = {
    name: 'w',
    dtype,
    shape: [rows, columns],
    async read({ start, end } = { start: 0, end: rows }) {
      reads.push([start, end]);
      return Uint8Array.from({ length: (end - start) * width }, (_, i) => start + Math.floor(i / width));
    },
  };
  /** Numbers of the rows, having checked that each is whole. */
  const rowsOf = (found: Uint8Array) =>
    Array.from({ length: found.length / width }, (_, row) => {
      const own = found.subarray(row * width, (row + 1) * width);
      expect(own.every((byte) => byte === own[0])).toBe(true);
      return own[0];
    });
  return { ref, reads, rowsOf };
}

describe('interleavedRows', () => {
  it.each<DType>(['F32', 'BF16', 'Q4_1', 'Q8_0'])(
    'moves whole rows of %s: halves of a head become neighbours',
    async (dtype) => {
      const { ref, rowsOf } = numbered(12, 64, dtype);
      const turned = interleavedRows(ref, 6);
      expect([turned.dtype, turned.shape]).toEqual([dtype, [12, 64]]);
      expect(rowsOf(await turned.read())).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
    },
  );

  it('reads only the heads that hold the rows asked for', async () => {
    const { ref, reads, rowsOf } = numbered(24, 32);
    expect(rowsOf(await interleavedRows(ref, 4).read({ start: 9, end: 14 }))).toEqual([10, 9, 11, 12, 14]);
    expect(reads).toEqual([[8, 16]]);
  });

  it('turns a bias as it turns its matrix', async () => {
    const values = Float32Array.from([0, 1, 2, 3]);
    const bias: WeightRef = { name: 'b', dtype: 'F32', shape: [4], read: async () => encodeFromFloat(values, 'F32') };
    expect([...decodeStored(await interleavedRows(bias, 4).read(), 'F32')]).toEqual([0, 2, 1, 3]);
  });
});

describe('stackedRows', () => {
  it('reads across its parts', async () => {
    const [first, second] = [numbered(3, 32, 'Q8_0'), numbered(2, 32, 'Q8_0')];
    const stacked = stackedRows([first.ref, second.ref], 'both');
    expect([stacked.dtype, stacked.shape]).toEqual(['Q8_0', [5, 32]]);
    expect(first.rowsOf(await stacked.read())).toEqual([0, 1, 2, 0, 1]);
    expect(first.rowsOf(await stacked.read({ start: 2, end: 4 }))).toEqual([2, 0]);
    expect(first.rowsOf(await stacked.read({ start: 3, end: 5 }))).toEqual([0, 1]);
    expect(first.reads).toHaveLength(2);
  });

  it('is F32 where its parts are of different types', async () => {
    const part = (dtype: 'F16' | 'BF16', value: number): WeightRef => ({
      name: dtype,
      dtype,
      shape: [1, 2],
      read: async () => encodeFromFloat(Float32Array.from([value, -value]), dtype),
    });
    const stacked = stackedRows([part('F16', 1.5), part('BF16', 2)], 'both');
    expect(stacked.dtype).toBe('F32');
    expect([...decodeStored(await stacked.read(), 'F32')]).toEqual([1.5, -1.5, 2, -2]);
  });
});

it('raised adds in F32, and is the weight itself where nothing is added', async () => {
  const values = Float32Array.from([0.5, -0.25]);
  const norm: WeightRef = { name: 'n', dtype: 'BF16', shape: [2], read: async () => encodeFromFloat(values, 'BF16') };
  expect(raised(norm, 0)).toBe(norm);
  expect(raised(norm, 1).dtype).toBe('F32');
  expect([...decodeStored(await raised(norm, 1).read(), 'F32')]).toEqual([1.5, 0.75]);
});
