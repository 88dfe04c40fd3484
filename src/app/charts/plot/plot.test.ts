import { describe, expect, it } from 'vitest';
import { barsPath, columnAt, columnsIn, spacedLabels } from './columns.ts';
import { decadeTicks, logPath, logScaleOf, powerOfTen, yOf } from './spectrum_lines.ts';

const PLACE = { left: 60, right: 660, top: 10, bottom: 210 };

describe('columns', () => {
  it('tile the plot from end to end, and each point finds its own', () => {
    for (const count of [1, 5, 61]) {
      const { left, step } = columnsIn(PLACE, count);
      expect(left + count * step).toBeCloseTo(PLACE.right);
      for (let i = 0; i < count; i++) expect(columnAt(left + (i + 0.5) * step, PLACE, count)).toBe(i);
      expect(columnAt(PLACE.left - 1, PLACE, count)).toBeNull();
      expect(columnAt(PLACE.right + 1, PLACE, count)).toBeNull();
    }
  });

  it('draws a bar as tall as its share, and none for nothing', () => {
    expect(barsPath([0, 0.5], PLACE)).toMatch(/^M\S+ 210v-100\.0h/);
    expect(barsPath([0, Number.NaN], PLACE)).toBe('');
    expect(barsPath([0.25, 0.5], PLACE, 0)).toContain('v-50.0');
    expect(barsPath([0.25, 0.5], PLACE, 0)).not.toContain('v-100.0');
  });

  it('never lets two labels touch', () => {
    for (const count of [3, 20, 61, 161]) {
      const labels = Array.from({ length: count }, (_, i) => `${i} mlp`);
      const shown = spacedLabels(labels, columnsIn(PLACE, count));
      const widths = shown.map(({ text }) => text.length * 6.2);
      for (let i = 1; i < shown.length; i++)
        expect(shown[i].at - shown[i - 1].at).toBeGreaterThanOrEqual((widths[i] + widths[i - 1]) / 2);
      expect(shown[0].text).toBe('0 mlp');
    }
  });
});

describe('a logarithmic axis', () => {
  it('holds every value, larger ones higher up', () => {
    const values = [3e4, 12, 1e-3, null];
    const scale = logScaleOf(values);
    const places = [3e4, 12, 1e-3].map((value) => yOf(value, scale, PLACE));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(Math.min(...places)).toBeGreaterThanOrEqual(PLACE.top);
    expect(Math.max(...places)).toBeLessThanOrEqual(PLACE.bottom);
  });

  it('breaks the line where a value is missing', () => {
    const rows = [1, 0.1, null, 0.01].map((eigenvalue, i) => ({ index: i + 1, eigenvalue }));
    const path = logPath(rows, logScaleOf([1, 0.1, 0.01]), (index) => index, PLACE);
    expect(path.match(/M/g)).toHaveLength(2);
    expect(path.match(/L/g)).toHaveLength(1);
  });

  it('has at least two figures, no two alike, however narrow or wide it is', () => {
    for (const values of [[1, 1.4], [2, 9], [1e-9, 1e6], [5e-3, 2], []]) {
      const ticks = decadeTicks(logScaleOf(values), PLACE).map(({ text }) => text);
      expect(new Set(ticks).size, values.join()).toBe(ticks.length);
      expect(ticks.length, values.join()).toBeGreaterThanOrEqual(
        values.length === 0 || values[1] / values[0] < 2 ? 1 : 2,
      );
    }
    expect(powerOfTen(-12)).toBe('10⁻¹²');
  });
});
