/** Every statistic of a linear's inputs against its definition, over batches of different sizes; and what is left on the device. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../backend/backend.ts';
import { backendsUnderTest, randomValues } from '../backend/testing.ts';
import { type Arena, withArena } from '../runtime/arena.ts';
import { ProductSum } from './product_sum.ts';
import type { Statistic } from './statistics.ts';
import { TapSums } from './tap_sums.ts';

const N = 5;
const ROWS = [3, 1, 4];
const TOKENS = 8;
/** Column 1 is never negative, column 2 never positive: their extremes are not 0. */
const states = (seed: number) =>
  randomValues(TOKENS * N, seed).map((value, i) =>
    i % N === 1 ? 0.5 + Math.abs(value) : i % N === 2 ? -0.25 - Math.abs(value) : value,
  );
const [X, DENSE] = [states(1), states(2)];

const column = (i: number) => Array.from({ length: TOKENS }, (_, row) => X[row * N + i]);
const each = (figure: (column: number[]) => number) => Float64Array.from({ length: N }, (_, i) => figure(column(i)));
const add = (a: number, b: number) => a + b;
const products = (A: Float32Array, B: Float32Array) =>
  Float64Array.from({ length: N * N }, (_, at) => {
    let sum = 0;
    for (let row = 0; row < TOKENS; row++) sum += A[row * N + Math.floor(at / N)] * B[row * N + (at % N)];
    return sum;
  });

const DEFINED = {
  gram: products(X, X),
  diagonal: each((values) => values.map((value) => value ** 2).reduce(add)),
  sums: each((values) => values.reduce(add)),
  magnitudes: each((values) => values.map(Math.abs).reduce(add)),
  minimum: each((values) => Math.min(...values)),
  maximum: each((values) => Math.max(...values)),
  largest: each((values) => Math.max(...values.map(Math.abs))),
  cross: products(X, DENSE),
};

const COLUMNS = ['diagonal', 'sums', 'magnitudes', 'minimum', 'maximum', 'largest'] as const;
const CASES: readonly (readonly [wanted: Statistic[], given: readonly (keyof typeof DEFINED)[]])[] = [
  [[], []],
  [['gram'], ['gram', 'diagonal']],
  [['diagonal'], COLUMNS],
  [['means'], COLUMNS],
  [['range'], COLUMNS],
  [['cross'], ['cross']],
  [
    ['gram', 'diagonal'],
    ['gram', 'diagonal'],
  ],
  [
    ['gram', 'means', 'cross'],
    ['gram', 'cross', ...COLUMNS],
  ],
];

describe.each(await backendsUnderTest())('sums of inputs on $kind', ({ create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  const batches = (arena: Arena, from: Float32Array) => {
    let start = 0;
    return ROWS.map((rows) => {
      const values = from.slice(start * N, (start + rows) * N);
      start += rows;
      return arena.own(backend.fromArray(values, [rows, N], 'states'));
    });
  };

  it.each(CASES)('%j', async (wanted, given) => {
    await withArena(backend, async (arena) => {
      const before = backend.memory.currentBytes;
      const [own, dense] = [batches(arena, X), batches(arena, DENSE)];
      const sums = new TapSums(arena, N, new Set(wanted));
      for (const [i, batch] of own.entries()) await sums.add(batch, dense[i]);
      const { size, tokens, ...found } = await sums.take();
      expect([size, tokens]).toEqual([N, TOKENS]);
      expect(new Set(Object.keys(found))).toEqual(new Set(given));
      for (const name of given) {
        for (const [i, value] of found[name]!.entries())
          expect(value, `${name}[${i}]`).toBeCloseTo(DEFINED[name][i], 5);
      }
      // The batches stay as they were, and nothing else is left.
      expect(await backend.read(own[0])).toEqual(await backend.read(batches(arena, X)[0]));
      arena.dispose();
      expect(backend.memory.currentBytes).toBe(before);
    });
  });

  it('leaves nothing on the device but what was there before', async () => {
    await withArena(backend, async (arena) => {
      const [own, dense] = [batches(arena, X), batches(arena, DENSE)];
      const before = backend.memory.currentBytes;
      const sums = new TapSums(arena, N, new Set<Statistic>(['gram', 'cross']));
      for (const [i, batch] of own.entries()) await sums.add(batch, dense[i]);
      await sums.take();
      expect(backend.memory.currentBytes).toBe(before);
    });
  });

  it('of products of two widths, and of none', async () => {
    await withArena(backend, async (arena) => {
      const a = arena.own(backend.fromArray(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], 'a'));
      const b = arena.own(backend.fromArray(Float32Array.of(1, -1, 2, 0), [2, 2], 'b'));
      const sum = new ProductSum(arena);
      expect(sum.take()).toHaveLength(0);
      await sum.add(a, b);
      await sum.add(a, b);
      expect([...sum.take()]).toEqual([18, -2, 24, -4, 30, -6]);
    });
  });
});
