/**
 * @file Scales of symmetric grids, value = d·q with q in a fixed range, found by least squares under weights: rounding and
 * refitting d in turn never loses, and starts from many scales, because it ends in the nearest local minimum.
 */
import { f16Value, numberToF16 } from '../../half.ts';

/** Rounds an f64 below 2^51 to a whole number, ties to even. */
const ROUND = 1.5 * 2 ** 52;

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** By how much the largest value may overshoot the range's end, in steps. */
const OVERSHOOTS = [-0.9, -0.7, -0.5, -0.35, -0.2, -0.1, 0, 0.15, 0.3, 0.5, 0.75, 1, 1.4, 2];

export function half(value: number): number {
  return f16Value(numberToF16(value));
}

/** The whole number of the range that is nearest to value / scale. */
export function nearest(value: number, inverse: number, { low, high }: Range): number {
  const q = value * inverse + ROUND - ROUND;
  return q < low ? low : Math.min(q, high);
}

/**
 * The d with the least Σ w·(x − d·q)², q nearest to x/d in the range. May be negative: the largest value then takes the
 * longer end of the range.
 * @param at Of the first value and its weight.
 */
export function symmetricScale(x: Float64Array, w: Float64Array, at: number, count: number, range: Range): number {
  let extreme = 0;
  for (let i = at; i < at + count; i++) if (Math.abs(x[i]) > Math.abs(extreme)) extreme = x[i];
  if (extreme === 0) return 0;
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  const ends = range.low === -range.high ? [range.high] : [range.low, range.high];
  for (const end of ends) {
    for (const overshoot of OVERSHOOTS) {
      let inverse = (end + Math.sign(end) * overshoot) / extreme;
      // Two turns of rounding and refitting bring most starts to their minimum.
      for (let turn = 0; turn < 3; turn++) {
        let product = 0;
        let squares = 0;
        for (let i = at; i < at + count; i++) {
          const q = nearest(x[i], inverse, range);
          product += w[i] * q * x[i];
          squares += w[i] * q * q;
        }
        if (squares === 0) break;
        const gain = (product * product) / squares;
        const scale = product / squares;
        if (gain > most) {
          most = gain;
          best = scale;
        }
        if (scale === 0) break;
        inverse = 1 / scale;
      }
    }
  }
  return best;
}

/** Σ w·(x − d·q)² with the nearest q. */
export function symmetricError(
  x: Float64Array,
  w: Float64Array,
  at: number,
  count: number,
  scale: number,
  range: Range,
): number {
  const inverse = scale === 0 ? 0 : 1 / scale;
  let error = 0;
  for (let i = at; i < at + count; i++) error += w[i] * (x[i] - scale * nearest(x[i], inverse, range)) ** 2;
  return error;
}
