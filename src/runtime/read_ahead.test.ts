/** Of the next layer as much is read ahead as the host shall hold: not 400 MB of a layer of a 7 B model. */
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../backend/backend.ts';
import type { RowRange } from '../formats/checkpoint.ts';
import type { WeightRef } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import { mostAhead, READ_AHEAD_BYTES } from './budgets.ts';
import { headBlocks } from './head.ts';
import { ReadAhead } from './read_ahead.ts';
import { WeightLoader } from './weights.ts';

/** Bytes that nobody allocates. */
function weight(name: string, megabytes: number, asked: string[]): WeightRef {
  const shape = [megabytes, 2 ** 19];
  const read = async () => {
    asked.push(name);
    return new Uint8Array();
  };
  return { name, dtype: 'BF16', shape, read };
}

describe('reading ahead', () => {
  it('asks for what there is room for, and has room again for each weight that is taken', async () => {
    const asked: string[] = [];
    const backend = { info: { kind: 'webgpu' }, decode: () => ({}) as Tensor };
    const arena = { backend, own: (tensor: Tensor) => tensor } as unknown as Arena;
    const loader = new WeightLoader(arena);
    const [a, b, c, d] = [
      weight('a', 60, asked),
      weight('b', 60, asked),
      weight('c', 60, asked),
      weight('d', 8, asked),
    ];
    loader.prefetch([a, b, c, d]);
    expect(asked).toEqual(['a', 'b', 'd']);
    for (const ref of [a, b, c, d]) await loader.load(ref);
    expect(asked).toEqual(['a', 'b', 'd', 'c']);
    loader.prefetch([c, c, b, a]);
    expect(asked.slice(4)).toEqual(['c', 'b']);
  });

  it('reads the next block of a head while one is used, and each block once', async () => {
    const asked: string[] = [];
    const arena = {
      backend: { info: { kind: 'webgpu' }, decode: (_: Uint8Array, __: string, shape: number[]) => ({ shape }) },
      own: (tensor: Tensor) => tensor,
    } as unknown as Arena;
    const read = async (rows?: RowRange) => {
      asked.push(rows ? `${rows.start}–${rows.end}` : 'whole');
      return new Uint8Array();
    };
    const head = { weight: { name: 'head', dtype: 'BF16', shape: [10, 4], read } } as const;
    const blocks = [
      { start: 0, end: 4 },
      { start: 4, end: 8 },
      { start: 8, end: 10 },
    ];
    const seen: unknown[] = [];
    for await (const { start, weight } of headBlocks(new WeightLoader(arena), head, blocks)) {
      seen.push([start, weight.shape[0], [...asked]]);
    }
    expect(seen).toEqual([
      [0, 4, ['0–4', '4–8']],
      [4, 4, ['0–4', '4–8', '8–10']],
      [8, 2, ['0–4', '4–8', '8–10']],
    ]);
  });

  it('gives rows that were not the ones asked for as they are stored', async () => {
    const read = async (rows?: RowRange) => Uint8Array.of(rows?.start ?? 255);
    const ref: WeightRef = { name: 'table', dtype: 'I8', shape: [10, 1], read } as unknown as WeightRef;
    const ahead = new ReadAhead();
    ahead.rows(ref, { start: 2, end: 4 });
    expect([...(await ahead.takeRows(ref, { start: 6, end: 8 }))]).toEqual([6]);
    expect([...(await ahead.takeRows(ref, { start: 2, end: 4 }))]).toEqual([2]);
  });

  it('is planned as it is', () => {
    expect(mostAhead(88e6, 23e6)).toBe(88e6);
    expect(mostAhead(404e6, 90e6)).toBe(READ_AHEAD_BYTES + 90e6);
  });
});
