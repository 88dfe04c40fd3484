/** @file What all charts share: quiet axes, no animation (values change while they are read), one hatch for "cut away". */

export { niceTicks } from '../../report/ticks.ts';

export const AXIS = {
  tick: { fill: 'var(--muted)', fontSize: 11 },
  tickLine: false,
  axisLine: { stroke: 'var(--line-strong)' },
} as const;

export const GRID = { stroke: 'var(--line)', vertical: false } as const;

export const MARGIN = { top: 12, right: 16, bottom: 4, left: 0 } as const;

export function axisLabel(value: string) {
  return { value, position: 'insideBottom', offset: 0, fill: 'var(--muted)', fontSize: 11 } as const;
}

/** Along a vertical axis, outside of its figures. */
export function uprightLabel(value: string) {
  return {
    ...axisLabel(value),
    position: 'insideLeft',
    angle: -90,
    // Half of a letter's height: its middle stands there.
    offset: 9,
    style: { textAnchor: 'middle' },
  } as const;
}

/** Whole numbers from 1 to `count`, few enough to be read, always with both ends. */
export function countTicks(count: number): number[] {
  const step = [1, 2, 4, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000].find((size) => count / size <= 6) ?? count;
  const inner: number[] = [];
  for (let at = step; at < count - step / 3; at += step) if (at > 1) inner.push(at);
  return [1, ...inner, count];
}

/** Figures of an axis in one unit, with as many digits as its steps need, so that no two read the same. */
export function tickText(ticks: readonly number[], unit: number, suffix: string): (value: number) => string {
  const step = Math.abs((ticks[1] ?? ticks[0] ?? 1) - (ticks[0] ?? 0)) / unit || 1;
  // A step of 0.5 takes one digit, one of 20 none.
  const digits = Math.min(8, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return (value) => `${value < 0 ? '−' : ''}${Math.abs(value / unit).toFixed(digits)}${suffix}`;
}

/** The largest of the decimal units of bytes that the values reach. */
export function byteUnit(most: number): { unit: number; suffix: string } {
  if (most >= 1e9) return { unit: 1e9, suffix: ' GB' };
  return most >= 1e6 ? { unit: 1e6, suffix: ' MB' } : { unit: 1e3, suffix: ' kB' };
}

/** Axis figures without the zeros that a table would keep: 80.0 → 80. */
export function bareTick(text: string): string {
  return text.replace(/\.0+(?=\s|$)/, '');
}
