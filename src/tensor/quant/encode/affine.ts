/** @file Grids with a scale and a minimum, value = d·q + m with q in 0 … steps, by weighted least squares. */
import { nearest, type Range } from './symmetric.ts';

export interface Affine {
  scale: number;
  /** What q = 0 stands for. */
  minimum: number;
}

/** What a first grid leaves out of the values' range at its lower and its upper end, as shares of it. */
export type Cuts = readonly (readonly [below: number, above: number])[];

/** Each end by itself, because outliers lie at one of them; of more levels less is worth leaving out. */
const each = (shares: readonly number[]): Cuts =>
  shares.flatMap((below) => shares.map((above) => [below, above] as const));
export const CUTS = { 15: each([-0.02, 0.03, 0.08, 0.15]), 31: each([-0.015, 0.005, 0.025, 0.05]) } as const;

/** Both ends alike, up to such shares. */
export function evenCuts(most: number): Cuts {
  const shares = [-0.03, -0.015, 0, 0.015, 0.03, 0.045, 0.065, 0.09, 0.12, 0.15];
  return shares.filter((share) => share <= most).map((share) => [share, share] as const);
}

/**
 * The grid with the least Σ w·(x − d·q − m)².
 * @param cuts Where the search starts.
 * @param isBelow m must not be above 0 (K-quants store −m without a sign).
 * @param stored What is kept of a grid: grids are compared as they will be.
 */
export function affineScale(
  x: Float64Array,
  w: Float64Array,
  at: number,
  count: number,
  steps: number,
  isBelow: boolean,
  cuts: Cuts,
  stored: (grid: Affine) => Affine = (grid) => grid,
): Affine {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = at; i < at + count; i++) {
    low = Math.min(low, x[i]);
    high = Math.max(high, x[i]);
  }
  if (isBelow) low = Math.min(low, 0);
  if (!(high > low)) return stored({ scale: 0, minimum: low });
  const range: Range = { low: 0, high: steps };
  let best = stored({ scale: (high - low) / steps, minimum: low });
  let least = affineError(x, w, at, count, best, range);
  const width = high - low;
  const starts = cuts.map(([below, above]): Affine => {
    const cut = low + below * width;
    const minimum = isBelow ? Math.min(0, cut) : cut;
    return { scale: (high - above * width - minimum) / steps, minimum };
  });
  const spacing = gridSpacing(x, at, count, width / steps);
  if (spacing > 0) starts.push({ scale: spacing, minimum: low });
  for (let { scale, minimum } of starts) {
    for (let turn = 0; turn < 3; turn++) {
      const fitted = leastSquares(x, w, at, count, { scale, minimum }, range, isBelow);
      if (!fitted) break;
      const kept = stored(fitted);
      const error = affineError(x, w, at, count, kept, range);
      if (error < least) {
        least = error;
        best = kept;
      }
      ({ scale, minimum } = fitted);
    }
  }
  return best;
}

/** Where values were float16 before, those of one level differ by less than this share of a step. */
const SAME = 0.2;
const sorted = new Float64Array(256);

/**
 * Of values that were rounded before: the distance of their levels; 0 where some lie closer than a step of the new grid, as those of
 * floats do. Starts that divide the range evenly never find such a grid where it has other levels than the new one.
 * @param step The least that the new grid can tell apart.
 */
function gridSpacing(x: Float64Array, at: number, count: number, step: number): number {
  const values = sorted.subarray(0, count);
  values.set(x.subarray(at, at + count));
  values.sort();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i < count; i++) {
    const distance = values[i] - values[i - 1];
    if (distance < SAME * step) continue;
    if (distance < (1 - SAME) * step) return 0;
    least = Math.min(least, distance);
  }
  // Of the least distance float16 has taken more than of the range.
  const range = values[count - 1] - values[0];
  return range / Math.round(range / least);
}

/** d and m by least squares for the q that a grid gives; undefined where they are not determined. */
function leastSquares(
  x: Float64Array,
  w: Float64Array,
  at: number,
  count: number,
  { scale, minimum }: Affine,
  range: Range,
  isBelow: boolean,
): Affine | undefined {
  let [sw, sq, sqq, sx, sqx] = [0, 0, 0, 0, 0];
  const inverse = 1 / scale;
  for (let i = at; i < at + count; i++) {
    const q = nearest(x[i] - minimum, inverse, range);
    sw += w[i];
    sq += w[i] * q;
    sqq += w[i] * q * q;
    sx += w[i] * x[i];
    sqx += w[i] * q * x[i];
  }
  const determinant = sw * sqq - sq * sq;
  if (!(determinant > 1e-12 * sw * sqq)) return undefined;
  const fitted = { scale: (sw * sqx - sq * sx) / determinant, minimum: (sqq * sx - sq * sqx) / determinant };
  if (isBelow && fitted.minimum > 0) {
    if (!(sqq > 0)) return undefined;
    fitted.minimum = 0;
    fitted.scale = sqx / sqq;
  }
  return fitted.scale > 0 ? fitted : undefined;
}

/** Σ w·(x − d·q − m)² with the nearest q. */
export function affineError(
  x: Float64Array,
  w: Float64Array,
  at: number,
  count: number,
  { scale, minimum }: Affine,
  range: Range,
): number {
  const inverse = scale === 0 ? 0 : 1 / scale;
  let error = 0;
  for (let i = at; i < at + count; i++) {
    error += w[i] * (x[i] - minimum - scale * nearest(x[i] - minimum, inverse, range)) ** 2;
  }
  return error;
}
