/** The correction against its definition, and the choice of its ridge. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../backend/backend.ts';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { randomValues } from '../../backend/testing.ts';
import { type Arena, withArena } from '../../runtime/arena.ts';
import { addCorrection, chooseRidge, corrections, DEFAULT_RIDGE, Missing, RIDGES } from './correction.ts';
import type { DeviceHalf } from './half.ts';

const n = 6;

function samples(seed: number, rows: number, noise: number) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const gram = new Float64Array(n * n);
  const R = new Float64Array(n * 2);
  for (let t = 0; t < rows; t++) {
    const x = Float64Array.from({ length: n }, next);
    // What is missing: 3·x₀ for one output, x₁ for the other, and noise that no other text shares.
    const e = [3 * x[0] + noise * next(), x[1] + noise * next()];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) gram[i * n + j] += x[i] * x[j];
      for (let o = 0; o < 2; o++) R[i * 2 + o] += x[i] * e[o];
    }
  }
  return { gram, R };
}

const plus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + b[i]);

describe('correct', () => {
  it('adds what is missing, the less the larger the ridge', async () => {
    const { gram, R } = samples(1, 200, 0);
    const [free] = (await corrections(gram, n, [R], 0, {})) as Float64Array[];
    expect(free[0]).toBeCloseTo(3, 4);
    expect(free[3]).toBeCloseTo(1, 4);
    const [held] = (await corrections(gram, n, [R], 3, {})) as Float64Array[];
    expect(held[0]).toBeGreaterThan(0.3);
    expect(held[0]).toBeLessThan(1.5);
    const W = Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    addCorrection(W, 2, n, free);
    expect([W[0], W[7]].map((value) => Math.round(value * 1000) / 1000)).toEqual([4, 1]);
    const V = Float64Array.from({ length: 12 }, (_, i) => i);
    addCorrection(V, 2, n, free);
    expect([...V]).toEqual(Array.from(V, (_, i) => i + free[(i % n) * 2 + Math.floor(i / n)]));
  });

  it.each([0, 0.7, 3])('solves (G + %d·diag(G) + 10⁻⁶·mean(diag G)·I)·D = R', async (ridge) => {
    const { gram, R } = samples(4, 30, 1);
    // An input that is never used, and one that is large.
    for (let i = 0; i < n; i++) {
      gram[2 * n + i] = gram[i * n + 2] = 0;
      gram[3 * n + i] *= 10;
      gram[i * n + 3] *= 10;
    }
    const mean = Array.from({ length: n }, (_, i) => gram[i * n + i] / n).reduce((a, b) => a + b);
    const [D] = (await corrections(gram, n, [R], ridge, {})) as Float64Array[];
    for (let i = 0; i < n; i++) {
      for (let o = 0; o < 2; o++) {
        let sum = (ridge * gram[i * n + i] + 1e-6 * mean) * D[i * 2 + o];
        for (let j = 0; j < n; j++) sum += gram[i * n + j] * D[j * 2 + o];
        expect(sum, `${i}, ${o}`).toBeCloseTo(R[i * 2 + o], 8);
      }
    }
  });

  it('leaves weights alone whose inputs are never used', async () => {
    expect(await corrections(new Float64Array(n * n), n, [new Float64Array(n)], 1, {})).toBeUndefined();
  });

  it('chooses a small ridge where the signal is clear, a large one where few tokens show noise', async () => {
    const chosen = async (rows: number, noise: number) => {
      const [fit, held] = [samples(2, rows, noise), samples(9, 400, noise)];
      const missing = [{ all: plus(fit.R, held.R), held: held.R }];
      return chooseRidge(plus(fit.gram, held.gram), held.gram, n, missing, {});
    };
    expect(await chosen(200, 0)).toBe(RIDGES[0]);
    expect(await chosen(7, 60)).toBe(RIDGES.at(-1));
  });
});

const [ROWS, IN, OUT] = [7, 4, 3];
const numbers = (count: number, seed: number) => Float64Array.from(randomValues(count, seed));

describe('what is missing of a linear', () => {
  const backend = createCpuBackend();
  afterAll(() => backend.dispose());
  const tensor = (arena: Arena, values: Float64Array, columns: number) =>
    arena.own(backend.fromArray(values, [values.length / columns, columns], 'test'));
  /** x·Wᵀ; x (rows, IN), W (OUT, IN). */
  const times = (x: Float64Array, W: Float64Array) =>
    Float64Array.from({ length: ROWS * OUT }, (_, at) => {
      let sum = 0;
      for (let i = 0; i < IN; i++) sum += x[Math.floor(at / OUT) * IN + i] * W[(at % OUT) * IN + i];
      return sum;
    });
  /** Σ xᵀ·e, (IN, OUT). */
  const seenBy = (x: Float64Array, e: Float64Array) =>
    Float64Array.from({ length: IN * OUT }, (_, at) => {
      let sum = 0;
      for (let row = 0; row < ROWS; row++) sum += x[row * IN + Math.floor(at / OUT)] * e[row * OUT + (at % OUT)];
      return sum;
    });
  const batch = (seed: number) => {
    const [x, xDense, W, dense] = [ROWS * IN, ROWS * IN, OUT * IN, OUT * IN].map((count, i) =>
      numbers(count, seed + i),
    );
    const wanted = times(xDense, dense);
    const R = seenBy(
      x,
      times(x, W).map((value, i) => wanted[i] - value),
    );
    return { x, xDense, W, dense, R };
  };
  const expectClose = (found: ArrayLike<number> | undefined, wanted: Float64Array) => {
    expect(found).toHaveLength(wanted.length);
    wanted.forEach((value, i) => {
      expect(found![i], `${i}`).toBeCloseTo(value, 9);
    });
  };
  const addAll = async (arena: Arena, missing: Missing, held: readonly boolean[]) => {
    const batches = held.map((_, i) => batch(10 * i + 1));
    for (const [i, { x, xDense, W, dense }] of batches.entries()) {
      const [a, b] = [W, dense].map((values) => ({ weight: tensor(arena, values, IN) }));
      await missing.addInput(tensor(arena, x, IN), a, tensor(arena, xDense, IN), b, held[i]);
    }
    return batches;
  };

  it('is summed over all batches, and over those that are held back apart', async () => {
    await withArena(backend, async (arena) => {
      const missing = new Missing(arena);
      const [a, b, c] = await addAll(arena, missing, [false, true, true]);
      const { all, held } = missing.take();
      expectClose(all, plus(plus(a.R, b.R), c.R));
      expectClose(held, plus(b.R, c.R));
    });
  });

  it('has no held-back sums where none were held back', async () => {
    await withArena(backend, async (arena) => {
      const missing = new Missing(arena);
      const [a] = await addAll(arena, missing, [false]);
      expect(Object.keys(missing.take())).toEqual(['all']);
      expectClose(missing.take().all, a.R);
    });
  });

  it('leaves the linears and nothing else on the device', async () => {
    await withArena(backend, async (arena) => {
      const { x, xDense, W, dense } = batch(1);
      const [own, other] = [tensor(arena, x, IN), tensor(arena, xDense, IN)];
      const [a, b] = [W, dense].map((values) => ({ weight: tensor(arena, values, IN) }));
      const before = backend.memory.currentBytes;
      const missing = new Missing(arena);
      await missing.addInput(own, a, other, b, true);
      expect(backend.memory.currentBytes).toBe(before);
    });
  });

  it.each([
    ['the stream behind it', false, 1],
    ['that over the multiplier of the branch', false, 0.25],
    ['that over a multiplier above one', false, 2],
    ['its own output, where a norm follows', true, 1],
  ])('is, for one that writes: %s', async (_, normsOutput, multiplier) => {
    const [x, xDense] = [numbers(ROWS * OUT, 51), numbers(ROWS * OUT, 52)];
    const { x: z, xDense: zDense, W, dense, R } = batch(61);
    const behind = (from: Float64Array, read: Float64Array, weight: Float64Array) => {
      const branch = times(read, weight);
      return from.map((value, i) => value + multiplier * branch[i]);
    };
    const [reached, wanted] = [behind(x, z, W), behind(xDense, zDense, dense)];
    await withArena(backend, async (arena) => {
      const half = (weight: Float64Array, read: Float64Array) => {
        const own = { weight: tensor(arena, weight, IN) };
        const other = { weight: tensor(arena, new Float64Array(weight.length), IN) };
        const branch = times(read, weight).map((value) => multiplier * value);
        return {
          name: 'mlp',
          normsOutput,
          multiplier,
          linear: (name: string) => (name === 'down_proj' ? own : other),
          // As the half does it: onto the stream, which is used up.
          output(stream: Tensor) {
            const added = tensor(arena, branch, OUT);
            backend.add({ a: stream, b: added, output: stream });
            arena.free(added);
            return stream;
          },
        } as unknown as DeviceHalf;
      };
      const streams = [tensor(arena, x, OUT), tensor(arena, xDense, OUT)];
      const missing = new Missing(arena);
      const [a, b] = [tensor(arena, z, IN), tensor(arena, zDense, IN)];
      const halves = [half(W, z), half(dense, zDense)];
      const before = backend.memory.currentBytes;
      await missing.addOutput(halves[0], streams[0], a, halves[1], streams[1], b, false);
      expect(backend.memory.currentBytes).toBe(before);
      const difference = wanted.map((value, i) => (value - reached[i]) / multiplier);
      expectClose(missing.take().all, normsOutput ? R : seenBy(z, difference));
      expect([...(await backend.read(streams[0]))]).toEqual([...x]);
      expect([...(await backend.read(streams[1]))]).toEqual([...xDense]);
    });
  });
});

describe('the choice of a ridge', () => {
  it('is by hand what is least on held-back windows, over all linears', async () => {
    const [fit, other, held] = [samples(3, 12, 3), samples(4, 12, 0.2), samples(9, 300, 1)];
    const missing = [
      { all: plus(fit.R, held.R), held: held.R },
      { all: plus(other.R, held.R), held: held.R },
    ];
    const errorOf = async (ridge: number) => {
      let error = 0;
      for (const [i, { R }] of [fit, other].entries()) {
        const [D] = (await corrections(fit.gram, n, [R], ridge, {})) as Float64Array[];
        for (let o = 0; o < 2; o++) {
          for (let a = 0; a < n; a++) {
            for (let b = 0; b < n; b++) error += D[a * 2 + o] * held.gram[a * n + b] * D[b * 2 + o];
            error -= 2 * D[a * 2 + o] * missing[i].held[a * 2 + o];
          }
        }
      }
      return error;
    };
    const fine = Array.from({ length: 40 }, (_, i) => 1e-3 * 1.4 ** i);
    for (const ridges of [fine, fine.toReversed(), [1, 10], [10, 1], [1e-6]]) {
      const errors = await Promise.all(ridges.map(errorOf));
      const wanted = ridges[errors.indexOf(Math.min(...errors))];
      expect(await chooseRidge(plus(fit.gram, held.gram), held.gram, n, missing, {}, ridges)).toBe(wanted);
    }
  });

  it('is the default where no input was ever used', async () => {
    const none = new Float64Array(n * n);
    const R = new Float64Array(2 * n);
    expect(await chooseRidge(none, none, n, [{ all: R, held: R }], {})).toBe(DEFAULT_RIDGE);
    expect(DEFAULT_RIDGE).toBe(1);
    expect(RIDGES).toEqual([0.3, 1, 3]);
  });

  it('takes a linear without held-back sums as it is', async () => {
    const [fit, held] = [samples(2, 200, 0), samples(9, 400, 0)];
    const missing = [{ all: plus(fit.R, held.R), held: held.R }, { all: new Float64Array(2 * n) }];
    expect(await chooseRidge(plus(fit.gram, held.gram), held.gram, n, missing, {})).toBe(RIDGES[0]);
  });
});
