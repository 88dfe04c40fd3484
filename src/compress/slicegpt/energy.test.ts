import { expect, it } from 'vitest';
import { discardedEnergy } from './energy.ts';

it('is the share of the spectrum beyond a dimension; noise below zero is none', () => {
  expect(discardedEnergy([4, 3, 2, 1], 2)).toBeCloseTo(0.3, 12);
  expect(discardedEnergy([4, 3, 2, 1], 0)).toBe(1);
  expect(discardedEnergy([4, 3, 2, 1], 4)).toBe(0);
  expect(discardedEnergy([4, 3, -2, -1e-9], 2)).toBe(0);
  expect(discardedEnergy([0, 0], 1)).toBe(0);
});
