/** Of the next layer as much is read ahead as the host shall hold: not 400 MB of a layer of a 7 B model. */
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../backend/backend.ts';
import type { WeightRef } from '../models/decoder_model.ts';
import type { Arena } from './arena.ts';
import { mostAhead, READ_AHEAD_BYTES } from './budgets.ts';
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

  it('is planned as it is', () => {
    expect(mostAhead(88e6, 23e6)).toBe(88e6);
    expect(mostAhead(404e6, 90e6)).toBe(READ_AHEAD_BYTES + 90e6);
  });
});
