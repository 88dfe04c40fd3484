import { describe, expect, it } from 'vitest';
import { type Choice, fillUp, knapsack } from './knapsack.ts';

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The least cost of all combinations. */
function exhaustive(matrices: readonly Choice[][], budget: number): number {
  let best = Number.POSITIVE_INFINITY;
  const visit = (i: number, bytes: number, cost: number) => {
    if (bytes > budget) return;
    if (i === matrices.length) best = Math.min(best, cost);
    else for (const choice of matrices[i]) visit(i + 1, bytes + choice.bytes, cost + choice.cost);
  };
  visit(0, 0, 0);
  return best;
}

describe('the choice of every matrix', () => {
  it('is the best of all combinations within the budget', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const next = random(seed);
      const matrices = Array.from({ length: 6 }, () =>
        Array.from({ length: 4 }, (_, bits) => ({
          bytes: Math.round(1000 * (bits + 1) * (0.5 + next())),
          // Not even falling with bytes: what was measured may be noise.
          cost: next() / (bits + 1),
        })),
      );
      const least = matrices.reduce((sum, choices) => sum + Math.min(...choices.map(({ bytes }) => bytes)), 0);
      for (const share of [1, 1.1, 1.5, 2, 5]) {
        const budget = Math.floor(least * share);
        const found = knapsack(matrices, budget);
        expect(found.bytes).toBeLessThanOrEqual(budget);
        expect(found.cost).toBeCloseTo(exhaustive(matrices, budget), 12);
      }
    }
  });

  it('never exceeds a budget of many bytes, and is filled up to it', () => {
    const next = random(5);
    const matrices = Array.from({ length: 40 }, () =>
      [2, 3, 4, 8].map((bits) => ({ bytes: Math.round(bits * 1e6 * (1 + next())), cost: next() * 4 ** -bits })),
    );
    const budget = 190_000_001;
    const found = knapsack(matrices, budget);
    expect(found.bytes).toBeLessThanOrEqual(budget);
    const filled = fillUp(matrices, found, budget);
    expect(filled.bytes).toBeLessThanOrEqual(budget);
    expect(filled.cost).toBeLessThanOrEqual(found.cost);
  });

  it('refuses a budget that nothing meets, with the smallest that can be', () => {
    expect(() => knapsack([[{ bytes: 10, cost: 1 }], [{ bytes: 7, cost: 1 }]], 16)).toThrowError(
      expect.objectContaining({ code: 'bad_option', allowed: '17 bytes or more' }),
    );
  });
});
