/** The sum of many chunks keeps digits that one f32 accumulator loses: that is what its low part is for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../backend/backend.ts';
import { backendsUnderTest } from '../backend/testing.ts';
import { withArena } from '../runtime/arena.ts';
import { Gram } from './gram.ts';

const CHUNKS = 200;
const ROWS = 8;
const N = 8;
/** Exact in f32, and so is each chunk's product; their sum needs more than 24 bits. */
const VALUE = 1 + 2 ** -11;

describe.each(await backendsUnderTest())('a Gram sum on $kind', ({ create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  it('has every digit of two hundred chunks', async () => {
    const { H } = await withArena(backend, async (arena) => {
      const sum = new Gram(arena, N);
      for (let chunk = 0; chunk < CHUNKS; chunk++) {
        const states = arena.own(backend.fromArray(new Float32Array(ROWS * N).fill(VALUE), [ROWS, N], 'states'));
        sum.add(states);
        arena.free(states);
      }
      return sum.take();
    });
    const exact = CHUNKS * ROWS * VALUE ** 2;
    // The experiment can fail: one f32 accumulator is further off than what is allowed below.
    let single = 0;
    for (let chunk = 0; chunk < CHUNKS; chunk++) single = Math.fround(single + Math.fround(ROWS * VALUE ** 2));
    expect(Math.abs(single / exact - 1)).toBeGreaterThan(1e-8);
    for (const value of H) expect(Math.abs(value / exact - 1)).toBeLessThan(1e-9);
  });
});
