import { describe, expect, it } from 'vitest';
import type { WeightRef } from '../decoder_model.ts';
import { type HeadCounts, splitQkv, splitRows } from './fused.ts';

/** A weight whose row r holds r · 100 + column. */
function counted(rows: number, columns?: number): WeightRef & { values: Float32Array } {
  const width = columns ?? 1;
  const values = Float32Array.from({ length: rows * width }, (_, i) => Math.floor(i / width) * 100 + (i % width));
  return {
    name: 'fused.weight',
    dtype: 'F32',
    shape: columns === undefined ? [rows] : [rows, columns],
    values,
    read: async ({ start, end } = { start: 0, end: rows }) =>
      new Uint8Array(values.slice(start * width, end * width).buffer),
  };
}

/** Which stored row each row of a part is. */
async function sourceRows(ref: WeightRef): Promise<number[]> {
  const width = ref.shape[1] ?? 1;
  const values = new Float32Array((await ref.read()).slice().buffer);
  return Array.from({ length: ref.shape[0] }, (_, row) => values[row * width] / 100);
}

const HEADS: HeadCounts = { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 3 };

/** What the formulas of the families say, row by row: (head, element) → stored row. */
function expectedRows(
  order: 'rows' | 'grouped',
  { num_attention_heads: H, num_key_value_heads: K, head_dim: d }: HeadCounts,
) {
  const of = (heads: number, at: (head: number) => number) =>
    Array.from({ length: heads * d }, (_, row) => at(Math.floor(row / d)) * d + (row % d));
  if (order === 'rows') return { q: of(H, (h) => h), k: of(K, (h) => H + h), v: of(K, (h) => H + K + h) };
  const group = H / K + 2; // heads that stand together: queries, a key, a value
  return {
    q: of(H, (h) => Math.floor(h / (H / K)) * group + (h % (H / K))),
    k: of(K, (h) => h * group + group - 2),
    v: of(K, (h) => h * group + group - 1),
  };
}

describe('splitQkv', () => {
  it.each<['rows' | 'grouped', HeadCounts]>([
    ['rows', HEADS],
    ['grouped', HEADS],
    ['grouped', { ...HEADS, num_key_value_heads: 4 }],
    ['rows', { ...HEADS, num_key_value_heads: 1 }],
  ])('finds the rows of each head, %s %o', async (order, heads) => {
    const { num_attention_heads, num_key_value_heads, head_dim } = heads;
    const rows = (num_attention_heads + 2 * num_key_value_heads) * head_dim;
    for (const columns of [5, undefined]) {
      const parts = splitQkv(counted(rows, columns), order, heads);
      const expected = expectedRows(order, heads);
      for (const part of ['q', 'k', 'v'] as const) {
        expect(await sourceRows(parts[part]), part).toEqual(expected[part]);
        expect(parts[part].name).toBe(`fused.weight[${part}]`);
      }
      expect([...expected.q, ...expected.k, ...expected.v].sort((a, b) => a - b)).toEqual(
        Array.from({ length: rows }, (_, row) => row),
      );
    }
  });

  it('reads a range of a part', async () => {
    const { q } = splitQkv(counted(24, 5), 'grouped', HEADS);
    const whole = await q.read();
    expect(await q.read({ start: 4, end: 9 })).toEqual(whole.slice(4 * 20, 9 * 20));
  });
});

describe('splitRows', () => {
  it('takes parts one after the other', async () => {
    const { gate, up } = splitRows(counted(7, 2), [
      ['gate', 3],
      ['up', 4],
    ]);
    expect(gate.shape).toEqual([3, 2]);
    expect(await sourceRows(gate)).toEqual([0, 1, 2]);
    expect(await sourceRows(up)).toEqual([3, 4, 5, 6]);
  });
});
