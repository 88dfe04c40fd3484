/** The correction against its definition, and the choice of its ridge. */
import { describe, expect, it } from 'vitest';
import { addCorrection, chooseRidge, corrections, RIDGES } from './correction.ts';

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
