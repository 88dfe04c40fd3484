/** The sum of many chunks keeps digits that one f32 accumulator loses: that is what its low part is for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../backend/backend.ts';
import { backendsUnderTest, randomValues } from '../backend/testing.ts';
import { type Arena, withArena } from '../runtime/arena.ts';
import { DeflatedGram, Gram } from './gram.ts';

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

const M = 10;
const TOKENS = 40;

/** Rows of which most is along two directions; (tokens, M). */
function lopsided(): Float32Array {
  const noise = randomValues(TOKENS * M, 5);
  const heads = randomValues(TOKENS * 2, 6);
  return noise.map((value, i) => {
    const [row, column] = [Math.floor(i / M), i % M];
    return value + 300 * heads[2 * row] * DIRECTIONS[0][column] + 80 * heads[2 * row + 1] * DIRECTIONS[1][column];
  });
}

/** Orthonormal. */
const DIRECTIONS = [
  Array.from({ length: M }, (_, i) => (i < 8 ? 8 ** -0.5 : 0)),
  Array.from({ length: M }, (_, i) => (i < 8 ? 8 ** -0.5 * (-1) ** i : 0)),
];

/** XᵀX in f64. */
function exactGram(X: Float32Array, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    let sum = 0;
    for (let row = 0; row < X.length; row += n) sum += X[row + Math.floor(at / n)] * X[row + (at % n)];
    return sum;
  });
}

describe.each(await backendsUnderTest())('a Gram sum by parts on $kind', ({ create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  const X = lopsided();
  const summed = (make: (arena: Arena) => Gram | DeflatedGram) =>
    withArena(backend, async (arena) => {
      const before = backend.memory.currentBytes;
      const sum = make(arena);
      for (const [start, end] of [
        [0, 24],
        [24, TOKENS],
      ]) {
        const states = X.slice(start * M, end * M);
        const tensor = arena.own(backend.fromArray(states, [end - start, M], 'states'));
        sum.add(tensor);
        expect(Array.from(await backend.read(tensor))).toEqual(Array.from(states));
        arena.free(tensor);
      }
      const found = await sum.take();
      expect(backend.memory.currentBytes, 'left on the device').toBe(before);
      return found;
    });

  it('has a low part only where the device sums in f32', () =>
    withArena(backend, async (arena) => {
      const held = () => backend.memory.currentBytes;
      const before = held();
      arena.empty([64, 64], 'one');
      const one = held() - before;
      new Gram(arena, 64);
      expect((held() - before) / one).toBe(backend.info.kind === 'webgpu' ? 3 : 2);
    }));

  it('is the sum, both triangles, with its diagonal', async () => {
    const { H, rounded } = await summed((arena) => new Gram(arena, M));
    const exact = exactGram(X, M);
    const largest = Math.max(...exact.map(Math.abs));
    H.forEach((value, i) => {
      expect(Math.abs(value - exact[i]), `${i}`).toBeLessThan(2e-6 * largest);
    });
    expect(rounded).toEqual(Float64Array.from({ length: M }, (_, i) => H[i * M + i]));
  });

  it.each([1, 2])('is the same without %d large directions, which are put back', async (count) => {
    const vectors = Float64Array.from({ length: M * count }, (_, i) => DIRECTIONS[i % count][Math.floor(i / count)]);
    const { H, rounded } = await summed(
      (arena) => new DeflatedGram(arena, M, { vectors, count, values: new Float64Array(count) }),
    );
    const exact = exactGram(X, M);
    const largest = Math.max(...exact.map(Math.abs));
    H.forEach((value, i) => {
      expect(Math.abs(value - exact[i]), `${i}`).toBeLessThan(2e-6 * largest);
    });
    // What was rounded is what is left, and that is small.
    const left = (direction: readonly number[]) =>
      exact.reduce((sum, value, at) => sum + value * direction[Math.floor(at / M)] * direction[at % M], 0);
    const trace = exact.reduce((sum, value, at) => (at % (M + 1) === 0 ? sum + value : sum), 0);
    const rest = trace - DIRECTIONS.slice(0, count).reduce((sum, direction) => sum + left(direction), 0);
    expect(rounded.reduce((a, b) => a + b)).toBeCloseTo(rest, 0);
  });

  it('is the same for any directions; what is left of them is taken out twice', async () => {
    // Neither of length 1 nor at right angles, as where they were found for other states.
    const vectors = Float64Array.from({ length: M * 2 }, (_, i) => {
      const row = Math.floor(i / 2);
      return i % 2 === 0 ? 0.9 * DIRECTIONS[0][row] : 0.95 * DIRECTIONS[1][row] + 0.1 * DIRECTIONS[0][row];
    });
    const { H, rounded } = await summed(
      (arena) => new DeflatedGram(arena, M, { vectors, count: 2, values: new Float64Array(2) }),
    );
    const exact = exactGram(X, M);
    const largest = Math.max(...exact.map(Math.abs));
    H.forEach((value, i) => {
      expect(Math.abs(value - exact[i]), `${i}`).toBeLessThan(2e-6 * largest);
    });
    // x − (x·U)·Uᵀ, twice, of every row.
    const once = (x: readonly number[]) => {
      const y = [0, 1].map((j) => x.reduce((sum, value, i) => sum + value * vectors[i * 2 + j], 0));
      return x.map((value, i) => value - y[0] * vectors[i * 2] - y[1] * vectors[i * 2 + 1]);
    };
    const wanted = new Float64Array(M);
    for (let row = 0; row < TOKENS; row++) {
      once(once([...X.subarray(row * M, (row + 1) * M)])).forEach((value, i) => {
        wanted[i] += value ** 2;
      });
    }
    rounded.forEach((value, i) => {
      expect(Math.abs(value / wanted[i] - 1), `${i}`).toBeLessThan(1e-3);
    });
  });
});
