/** Digits that taking the dominant directions out costs, by hand. Whole decompositions: test/captured_covariances.test.ts. */
import { expect, it } from 'vitest';
import { lostDigits } from './deflation.ts';

/** diag(100, 2, 1) with its first axis taken out. */
const AXIS = { values: Float64Array.of(100), vectors: Float64Array.of(1, 0, 0), count: 1 };
const H = Float64Array.of(100, 0, 0, 0, 2, 0, 0, 0, 1);

it('none where the direction is a channel: its rounding goes with it', () => {
  expect(lostDigits(Float64Array.of(100, 2, 1), H, 3, AXIS)).toBe(1);
  // Never less than none.
  expect(lostDigits(Float64Array.of(100, 0.2, 0.1), H, 3, AXIS)).toBe(1);
});

it('as often more as what was rounded outweighs what is left', () => {
  expect(lostDigits(Float64Array.of(100, 7, 5), H, 3, AXIS)).toBeCloseTo(4, 12);
  const half = Math.SQRT1_2;
  const shared = { values: Float64Array.of(97), vectors: Float64Array.of(half, half, 0), count: 1 };
  expect(lostDigits(Float64Array.of(51, 51, 1), H, 3, shared)).toBeCloseTo(52 / 6, 12);
});

it('none where nothing is left', () => {
  expect(lostDigits(Float64Array.of(1, 1, 1), H, 3, { ...AXIS, values: Float64Array.of(103) })).toBe(1);
});
