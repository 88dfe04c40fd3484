/** Grids of groups: whatever the signs of its numbers, a group is off by half a step at most, and zero is on an integer grid. */
import { describe, expect, it } from 'vitest';
import { randomValues } from '../../backend/testing.ts';
import { codeOf, type Grid, gridParams, numberOf, paramsOf } from './grid.ts';

const GROUPS: Record<string, (value: number) => number> = {
  'of both signs': (value) => value,
  'all positive': (value) => 2 + value,
  'all negative': (value) => -2 + value,
  'far from zero': (value) => 40 + value,
  'all the same': () => 0.75,
  'all zero': () => 0,
};

describe.each(Object.entries(GROUPS))('a group %s', (_, of) => {
  it.each(
    [2, 3, 4, 8].flatMap((bits) => [
      { bits, kind: 'integer' },
      { bits, kind: 'minimum' },
    ]) as Grid[],
  )('on $kind of $bits bits', (grid) => {
    const values = Float64Array.from(randomValues(64, 3), of);
    const params = paramsOf(grid, values, 0, 64);
    const reach =
      grid.kind === 'integer'
        ? Math.max(...values, 0) - Math.min(...values, 0)
        : Math.max(...values) - Math.min(...values);
    // Half a step, a zero point off by as much, and float16's digits of scale and minimum.
    const allowed = (reach / (2 ** grid.bits - 1)) * 1.01 + 2 ** -11 * Math.max(...values.map(Math.abs)) * 2;
    for (const value of values) {
      const code = codeOf(grid, params, value);
      expect(Number.isInteger(code) && code >= 0 && code < 2 ** grid.bits, `code ${code}`).toBe(true);
      expect(Math.abs(numberOf(grid, params, code) - value)).toBeLessThanOrEqual(allowed);
    }
    // As wide as its numbers, and zero where that is on it; no wider.
    if (reach > 0) expect((params.scale * (2 ** grid.bits - 1)) / reach).toBeCloseTo(1, 2);
    if (grid.kind === 'integer') expect(numberOf(grid, params, codeOf(grid, params, 0))).toBe(0);
  });
});

it('has the parameters of every so many values', () => {
  const grid: Grid = { bits: 4, kind: 'minimum' };
  const values = Float64Array.of(9, 1, 9, 5, 9, 3, 9);
  expect(paramsOf(grid, values, 1, 3, 2)).toEqual(gridParams(grid, 1, 5));
});
