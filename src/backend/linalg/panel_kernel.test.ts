import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { BLOCK_K, BLOCK_M, BLOCK_N, plainPanels, simdPanels } from './panel_kernel.ts';

describe('the two forms of the inner kernel', () => {
  it.each([1, 2, 7, BLOCK_K])('give the same bits at depth %i, in the first and the last panels', (k) => {
    const simd = simdPanels()!; // Node 20 has WebAssembly SIMD: its absence here is a failure
    const plain = plainPanels();
    const uniform = randomNumbers(k);
    for (const [a, b] of [
      [simd.packed_a, plain.packed_a],
      [simd.packed_b, plain.packed_b],
    ]) {
      for (let i = 0; i < a.length; i++) a[i] = b[i] = uniform() - 0.5;
    }
    const last_a = (BLOCK_M - 4) * k;
    const last_b = (BLOCK_N - 4) * k;
    for (const [a_at, b_at] of [
      [0, 0],
      [last_a, last_b],
    ]) {
      simd.multiply(k, a_at, b_at);
      plain.multiply(k, a_at, b_at);
      expect([...simd.tile]).toEqual([...plain.tile]);
      let expected = 0;
      for (let p = 0; p < k; p++) expected += plain.packed_a[a_at + 4 * p + 1] * plain.packed_b[b_at + 4 * p + 2];
      expect(plain.tile[4 + 2]).toBe(expected);
    }
  });

  it('lets NaN and infinity through', () => {
    for (const kernel of [simdPanels()!, plainPanels()]) {
      kernel.packed_a.set([Number.NaN, 1, Number.POSITIVE_INFINITY, 0]);
      kernel.packed_b.set([0, 2, 0, 1]);
      kernel.multiply(1, 0, 0);
      const [nan, inf] = [Number.NaN, Number.POSITIVE_INFINITY];
      expect([...kernel.tile]).toEqual([nan, nan, nan, nan, 0, 2, 0, 1, nan, inf, nan, inf, 0, 0, 0, 0]);
    }
  });
});
