import { describe, expect, it } from 'vitest';
import type { RowRange } from '../formats/checkpoint.ts';
import type { WeightRef } from './decoder_model.ts';
import { rowsOf, transposedRef } from './weight_views.ts';

const SHAPE = [3, 8] as const;
/** 0 … 23, (3, 8). */
const VALUES = Float32Array.from({ length: 24 }, (_, i) => i);

/** A stored (3, 8) matrix that counts how often it is read. */
function stored() {
  const counts = { reads: 0, failures: 0 };
  const ref: WeightRef = {
    name: 'c_attn',
    dtype: 'F32',
    shape: SHAPE,
    async read({ start, end }: RowRange = { start: 0, end: 3 }) {
      counts.reads++;
      if (counts.failures-- > 0) throw new Error('unreadable');
      return new Uint8Array(VALUES.slice(8 * start, 8 * end).buffer);
    },
  };
  return { ref, counts };
}

const floats = (bytes: Uint8Array) => [...new Float32Array(bytes.slice().buffer)];
/** Rows of the transpose. */
const expected = (start: number, end: number) =>
  Array.from({ length: end - start }, (_, i) => [0, 8, 16].map((row) => row + start + i)).flat();

describe('transposedRef', () => {
  it('gives the transpose, whole and by rows', async () => {
    const view = transposedRef(stored().ref, 'turned');
    expect(view.shape).toEqual([8, 3]);
    expect(floats(await view.read())).toEqual(expected(0, 8));
    for (const [start, end] of [
      [0, 3],
      [2, 2],
      [5, 8],
    ])
      expect(floats(await view.read({ start, end }))).toEqual(expected(start, end));
  });

  it('reads the matrix once for blocks of rows up to the last, and for parts that are read side by side', async () => {
    const { ref, counts } = stored();
    const view = transposedRef(ref, 'turned');
    const other = transposedRef(stored().ref, 'other');
    for (let start = 0; start < 8; start += 2) {
      expect(floats(await view.read({ start, end: start + 2 }))).toEqual(expected(start, start + 2));
      await other.read();
    }
    expect(counts.reads).toBe(1);
    const parts = [0, 3, 5].map((start, i) => rowsOf(view, start, [3, 5, 8][i], 'part'));
    const read = await Promise.all(parts.map((part) => part.read()));
    expect(read.flatMap(floats)).toEqual(expected(0, 8));
    expect(counts.reads).toBe(2);
  });

  it('reads again after a failure', async () => {
    const { ref, counts } = stored();
    counts.failures = 1;
    const view = transposedRef(ref, 'turned');
    await expect(view.read({ start: 0, end: 2 })).rejects.toThrow('unreadable');
    expect(floats(await view.read({ start: 0, end: 2 }))).toEqual(expected(0, 2));
  });
});
