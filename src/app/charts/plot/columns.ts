/** @file Columns of equal width: where they stand, as one path, and which of their labels have room. Pure. */
import type { Tick } from './Axes.tsx';
import type { Place } from './Plot.tsx';

export interface Columns {
  /** Of the first column. */
  left: number;
  /** From one column to the next. */
  step: number;
  /** Of a bar, which stands in the middle of its column. */
  bar: number;
  count: number;
}

const WIDEST_BAR = 36;
/** Of a column that stays free. */
const GAP = 0.22;

export function columnsIn({ left, right }: Pick<Place, 'left' | 'right'>, count: number): Columns {
  const step = (right - left) / Math.max(1, count);
  return { left, step, bar: Math.min(WIDEST_BAR, step * (1 - GAP)), count };
}

/** Which column lies under a point; null beside them. */
export function columnAt(x: number, place: Pick<Place, 'left' | 'right'>, count: number): number | null {
  const { left, step } = columnsIn(place, count);
  const index = Math.floor((x - left) / step);
  return index >= 0 && index < count ? index : null;
}

/** Bars from the ground up, in one path. @param shares Of the height. @param only The one to draw; all where it is absent. */
export function barsPath(shares: readonly number[], place: Place, only?: number): string {
  const { left, step, bar } = columnsIn(place, shares.length);
  const height = place.bottom - place.top;
  let path = '';
  for (let i = only ?? 0; i < (only === undefined ? shares.length : only + 1); i++) {
    const tall = shares[i] * height;
    if (!(tall > 0)) continue;
    const x = left + i * step + (step - bar) / 2;
    path += `M${x.toFixed(1)} ${place.bottom}v${(-tall).toFixed(1)}h${bar.toFixed(1)}V${place.bottom}Z`;
  }
  return path;
}

/** Of 11-pixel figures, about. */
const CHARACTER = 6.2;

/** Labels under their columns, as many as fit without touching, the first and evenly on. */
export function spacedLabels(labels: readonly string[], { left, step }: Columns): Tick[] {
  const widest = Math.max(1, ...labels.map(({ length }) => length)) * CHARACTER + 8;
  const every = Math.max(1, Math.ceil(widest / step));
  return labels.flatMap((text, i) => (i % every === 0 ? { at: left + (i + 0.5) * step, text } : []));
}
