/** @file Rows for the charts, from results. Pure, and small: no chart draws more than {@link MAX_POINTS} points. */
import type { WindowPoint } from '../store/results.ts';

export const MAX_POINTS = 300;

export interface CurveRow {
  window: number;
  dense?: number;
  dense_band?: [number, number];
  made?: number;
  made_band?: [number, number];
}

/** Both running means side by side, window by window; the shorter one simply ends. */
export function curveRows(dense: readonly WindowPoint[], made: readonly WindowPoint[]): CurveRow[] {
  const length = Math.max(dense.length, made.length);
  const rows: CurveRow[] = [];
  for (let index = 0; index < length; index++) {
    rows.push({
      window: index + 1,
      dense: dense[index]?.perplexity,
      dense_band: band(dense[index]),
      made: made[index]?.perplexity,
      made_band: band(made[index]),
    });
  }
  return thin(rows);
}

function band(point: WindowPoint | undefined): [number, number] | undefined {
  // One window has no spread; neither has a perplexity that is none.
  if (!point || point.window < 2 || point.relative_spread === null || !Number.isFinite(point.relative_spread))
    return undefined;
  const spread = point.perplexity * point.relative_spread;
  return [Math.max(0, point.perplexity - spread), point.perplexity + spread];
}

export interface SpectrumRow {
  /** 1 … D. */
  index: number;
  eigenvalue: number | null;
}

/** Eigenvalues for a log axis. What is not positive, or below rounding, has no place there and is left out. */
export function spectrumRows(eigenvalues: ArrayLike<number>): SpectrumRow[] {
  const floor = (eigenvalues[0] ?? 0) * 1e-14;
  const rows = Array.from(eigenvalues, (value, index) => ({
    index: index + 1,
    eigenvalue: value > floor ? value : null,
  }));
  return thin(rows);
}

/** At most `most` rows, evenly, always with the first and the last. */
export function thin<T>(rows: readonly T[], most = MAX_POINTS): T[] {
  if (rows.length <= most) return [...rows];
  const step = (rows.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => rows[Math.round(index * step)]);
}

/** What a site is called on an axis: "layer 3 MLP input" is "3 mlp". Which sites there are depends on the model's blocks. */
export function siteName(label: string): string {
  return label
    .replace(/^layer /, '')
    .replace('embedding', 'emb')
    .replace('MLP input', 'mlp')
    .replace('output', 'out');
}

/** In place of what cannot be told; see `isShortIn`. */
export const TOO_SHORT =
  'The calibration text has fewer tokens than directions are kept: what goes with the others cannot be told.';
