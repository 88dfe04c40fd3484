import { describe, expect, it } from 'vitest';
import { blobSource } from '../source.ts';
import { ggufCheckpoint, type StoredTensor, type Undo } from './checkpoint.ts';
import { groupedHeads, interleavedHeads, type RowOrder, rowsFrom } from './row_order.ts';
import { blockOfType } from './types.ts';

/** A tensor of `rows` rows of one block each, whose bytes name their row; 5 bytes of something else before it. */
function stored(type: string, rows: number): StoredTensor {
  const { elements, bytes } = blockOfType(type);
  const data = Uint8Array.from({ length: 5 + rows * bytes }, (_, i) => (i < 5 ? 255 : Math.floor((i - 5) / bytes)));
  const source = blobSource('m.gguf', new Blob([data]));
  return { name: 'w', type, shape: [rows, elements], offset: 5, bytes: rows * bytes, source };
}

/** Numbers of the stored rows that a read gives, after checking that each row is whole. */
async function rowsRead(
  type: string,
  rows: number,
  undo: Undo,
  range?: { start: number; end: number },
): Promise<number[]> {
  const tensor = stored(type, rows);
  const checkpoint = ggufCheckpoint([{ name: 'hf', tensor, shape: tensor.shape, undo }]);
  const bytes = await checkpoint.read('hf', range);
  const { bytes: width } = blockOfType(type);
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += width) {
    expect(new Set(bytes.subarray(at, at + width)).size).toBe(1);
    found.push(bytes[at]);
  }
  return found;
}

/** transformers' way back: reshape to (heads, d/2, 2), swap the last two. */
function deinterleaved(rows: number, head_dim: number): number[] {
  const half = head_dim / 2;
  return Array.from({ length: rows }, (_, row) => {
    const inHead = row % head_dim;
    return row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
  });
}

describe('ggufCheckpoint', () => {
  it.each(['Q4_0', 'Q4_1', 'Q6_K', 'IQ4_NL', 'F16'])('moves whole rows of %s', async (type) => {
    const undo = { rows: interleavedHeads(8) };
    expect(await rowsRead(type, 24, undo)).toEqual(deinterleaved(24, 8));
  });

  it.each<[string, RowOrder, number]>([
    ['interleaved heads', interleavedHeads(6), 24],
    ['grouped heads', groupedHeads(4, 2, 3), 24],
    ['one group', groupedHeads(6, 1, 3), 24],
    ['heads of q, k, v', groupedHeads(3, 3, 2), 18],
  ])('reads any range of rows of %s as a part of the whole', async (_, rows, count) => {
    const whole = await rowsRead('Q8_0', count, { rows });
    expect(whole.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    for (let start = 0; start < count; start++) {
      for (let end = start; end <= count; end += 5) {
        expect(await rowsRead('Q8_0', count, { rows }, { start, end })).toEqual(whole.slice(start, end));
      }
    }
  });

  it('finds the parts of a fused projection', async () => {
    expect(await rowsRead('Q8_0', 12, { rows: rowsFrom(8, 4) }, { start: 1, end: 3 })).toEqual([9, 10]);
    const tensor = stored('Q8_0', 12);
    const view = { name: 'k', tensor, shape: [4, 32], undo: { rows: rowsFrom(4, 4) } };
    const checkpoint = ggufCheckpoint([view]);
    expect(checkpoint.tensors.get('k')).toMatchObject({ bytes: 4 * 34, dtype: 'Q8_0', shape: [4, 32], file: 'm.gguf' });
    expect((await checkpoint.read('k'))[0]).toBe(4);
    await expect(checkpoint.read('k', { start: 0, end: 5 })).rejects.toThrow(RangeError);
    await expect(checkpoint.read('absent')).rejects.toThrow('holds no tensor "absent"');
  });

  it('turns a matrix of blocks by way of its numbers, and says what is stored', async () => {
    // Q8_0 with scale 1: each row holds its own number
    const bytes = new Uint8Array(2 * 34);
    for (const row of [0, 1]) bytes.set([0x00, 0x3c, ...new Array<number>(32).fill(row + 7)], row * 34);
    const tensor = { ...stored('Q8_0', 2), offset: 0, source: blobSource('m.gguf', new Blob([bytes])) };
    const checkpoint = ggufCheckpoint([{ name: 'c', tensor, shape: [32, 2], undo: { transposed: true } }]);
    expect(checkpoint.tensors.get('c')).toMatchObject({
      dtype: 'F32',
      bytes: 256,
      stored: { dtype: 'Q8_0', bytes: 68 },
    });
    expect(checkpoint.bytes).toBe(68);
    const rows = await checkpoint.read('c', { start: 30, end: 32 });
    expect([...new Float32Array(rows.slice().buffer)]).toEqual([7, 8, 7, 8]);
  });
});
