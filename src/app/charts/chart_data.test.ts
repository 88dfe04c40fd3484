import { describe, expect, it } from 'vitest';
import { EMBEDDING_SITE, middleSite, outputSite } from '../../compress/slicegpt/sites.ts';
import { byteUnit, countTicks, niceTicks, tickText } from './axis.ts';
import { curveRows, MAX_POINTS, siteName, spectrumRows, thin } from './chart_data.ts';

describe('ticks', () => {
  it('never read the same twice, whatever the step', () => {
    for (const most of [0.000004, 0.0003, 0.02, 0.7, 5, 1_150_000, 8.3e9]) {
      const { ticks } = niceTicks(most * 0.9, most);
      const texts = ticks.map(tickText(ticks, most < 1 ? 0.01 : 1e6, ' x'));
      expect(new Set(texts).size, String(most)).toBe(ticks.length);
    }
    expect(tickText([6.5e6, 7e6], 1e6, ' MB')(7e6)).toBe('7.0 MB');
    expect(byteUnit(2_000_000)).toEqual({ unit: 1e6, suffix: ' MB' });
  });
});

describe('rows for charts', () => {
  it('draws both curves window by window; the shorter one ends', () => {
    const point = { window: 1, perplexity: 80, relative_spread: 0.1, loss: 4 };
    expect(curveRows([{ ...point, relative_spread: null }], [])[0]).toMatchObject({ dense: 80, dense_band: undefined });
    const rows = curveRows([point, { ...point, window: 2 }], [point]);
    expect(rows).toHaveLength(2);
    expect(rows[0].dense_band, 'one window has no spread').toBeUndefined();
    expect(rows[1].dense_band).toEqual([72, 88]);
    expect(rows[1].made).toBeUndefined();
  });

  it('never draws more than its limit, and keeps both ends', () => {
    const rows = thin(Array.from({ length: 4096 }, (_, index) => index));
    expect(rows).toHaveLength(MAX_POINTS);
    expect([rows[0], rows.at(-1)]).toEqual([0, 4095]);
    expect(new Set(rows).size).toBe(MAX_POINTS);
  });

  it('leaves out of the log axis what has no place there', () => {
    const rows = spectrumRows([100, 1, 1e-20, -3]);
    expect(rows.map(({ eigenvalue }) => eigenvalue)).toEqual([100, 1, null, null]);
  });

  it('names sites by layer', () => {
    const labels = [EMBEDDING_SITE, middleSite(0), outputSite(0, false), outputSite(3, true)].map(({ label }) => label);
    expect(labels.map(siteName)).toEqual(['emb', '0 mlp', '0 out', '3 out']);
  });
});

describe('axes', () => {
  it('ends on round figures around the data', () => {
    expect(niceTicks(63, 97, 4)).toEqual({ ticks: [60, 70, 80, 90, 100], domain: [60, 100] });
    expect(niceTicks(0, 0.0357).domain).toEqual([0, 0.04]);
    const { domain } = niceTicks(5, 5);
    expect(domain[0]).toBeLessThanOrEqual(5);
    expect(domain[1]).toBeGreaterThanOrEqual(5);
  });

  it('counts windows from the first to the last', () => {
    expect(countTicks(16)).toEqual([1, 4, 8, 12, 16]);
    expect(countTicks(2)).toEqual([1, 2]);
    expect(countTicks(141).at(-1)).toBe(141);
    expect(countTicks(141).length).toBeLessThanOrEqual(8);
  });
});
