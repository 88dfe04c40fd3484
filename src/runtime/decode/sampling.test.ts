import { describe, expect, it } from 'vitest';
import { GREEDY, sampler } from './sampling.ts';

const LOGITS = Float32Array.from([0, Math.log(2), Math.log(4), Math.log(1), Number.NEGATIVE_INFINITY]);

/** How often each token comes in so many draws. */
function shares(options: Partial<typeof GREEDY>, draws = 40_000): number[] {
  const choose = sampler({ ...GREEDY, temperature: 1, seed: 3, ...options });
  const counts = new Array<number>(LOGITS.length).fill(0);
  for (let i = 0; i < draws; i++) counts[choose(LOGITS)]++;
  return counts.map((count) => count / draws);
}

function expectShares(found: number[], weights: number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight);
  for (const [i, weight] of weights.entries()) expect(Math.abs(found[i] - weight / total)).toBeLessThan(0.01);
}

describe('sampler', () => {
  it('takes the first of the likeliest at temperature 0', () => {
    expect(sampler(GREEDY)(Float32Array.from([1, 3, 3, 2]))).toBe(1);
  });

  it('draws by probability, and never what is impossible', () => {
    const found = shares({});
    expectShares(found, [1, 2, 4, 1, 0]);
    expect(found[4]).toBe(0);
  });

  it('flattens with temperature', () => expectShares(shares({ temperature: 2 }), [1, Math.SQRT2, 2, 1, 0]));

  it('keeps the likeliest k, of equals those of the lowest ids', () => {
    const found = shares({ top_k: 3 });
    expectShares(found, [1, 2, 4, 0, 0]);
    expect(found[3]).toBe(0);
  });

  it('keeps the fewest tokens that reach p', () => {
    expectShares(shares({ top_p: 0.5 }), [0, 0, 1, 0, 0]);
    expectShares(shares({ top_p: 0.51 }), [0, 2, 4, 0, 0]);
  });

  it.each([
    ['temperature', -1],
    ['temperature', Number.NaN],
    ['top_k', 1.5],
    ['top_p', 0],
    ['top_p', 1.1],
    ['seed', -1],
  ])('refuses %s %d', (field, value) => {
    expect(() => sampler({ ...GREEDY, [field]: value })).toThrowError(
      expect.objectContaining({ code: 'bad_option', place: { field } }),
    );
  });

  it('says that a logit is no number', () => {
    for (const temperature of [0, 1]) {
      const choose = sampler({ ...GREEDY, temperature });
      expect(() => choose(Float32Array.from([0, Number.NaN]))).toThrowError(
        expect.objectContaining({ code: 'non_finite_activations' }),
      );
    }
  });
});
