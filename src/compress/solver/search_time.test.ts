/** What the time of a search is made of, by counts: seconds themselves are no test's matter. */
import { expect, it } from 'vitest';
import { type SearchCounts, type SearchTrial, searchParts } from './search_time.ts';
import { POWERS } from './solve.ts';

const NOTHING: SearchTrial = {
  ...{ walk: { base: 0, window: 0 }, making: { base: 0, window: 0 } },
  ...{ rounding: 0, tables: 0, layer: 0, divergence: 0 },
};
const COUNTS: SearchCounts = {
  ...{ layers: 5, linears: 7, ways: 4, table_ways: 2, recipes: 4, fit: 12, all: 16, patience: 1e9 },
};
const CANDIDATES = POWERS.length + 3;
const parts = (trial: Partial<SearchTrial>, counts: Partial<SearchCounts> = {}) =>
  searchParts({ ...NOTHING, ...trial }, { ...COUNTS, ...counts });

it('rounds each layer once, on all windows that fit, and the tables', () => {
  const { rounding } = parts({ walk: { base: 3, window: 2 }, rounding: 11, tables: 100 });
  expect(rounding).toBe(5 * (3 + 2 * 12 + 11) + 100);
});

it('measures every way of every matrix with the layers behind it, and the tables with all of them', () => {
  const layer = 0.5;
  const divergence = 2;
  // The dense states; a linear of layer l has 4 − l layers behind it; tables all but one.
  let wanted = 5 * layer;
  for (let l = 0; l < 5; l++) wanted += 7 * 4 * (divergence + layer * (4 - l));
  wanted += 2 * (divergence + 4 * layer);
  expect(parts({ layer, divergence }).measuring).toBeCloseTo(wanted, 9);
});

it('stops measuring every way when patience ends, and measures one of each then', () => {
  const trial = { divergence: 2 };
  expect(parts(trial, { patience: 100, table_ways: 0 }).measuring).toBe(100);
  expect(parts(trial, { patience: 1, table_ways: 0 }).measuring).toBe(5 * 7 * 2);
});

it('makes each candidate with the windows that fit, and the best with all', () => {
  const trial = { making: { base: 1, window: 3 }, tables: 8, layer: 2, divergence: 5 };
  const { candidates, making } = parts(trial);
  expect(candidates).toBe(CANDIDATES * (4 + 5 * (1 + 3 * 12) + 5 + 2 * 4));
  expect(making).toBe(4 + 5 * (1 + 3 * 16));
  expect(parts(trial, { table_ways: 0 }).making).toBe(5 * (1 + 3 * 16));
});
