/**
 * @file Grids of quantised weights, and rounding to the nearest point of one. A scale is rounded to its stored type before
 * it is used, halves round to even, and an integer grid always holds 0. All arithmetic is f64.
 */
import { type Grouped, groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { f16ToNumber, numberToF16 } from '../../tensor/half.ts';

/** One group's scale and zero: value = scale · (code − zero), or scale · code + zero for `minimum`. */
export interface Grid {
  readonly scale: number;
  readonly zero: number;
}

/** Nearest whole number, halves to the even one. Exact for |x| < 2^51. */
export function roundToEven(x: number): number {
  const magic = 6755399441055744; // 1.5 · 2^52
  return x + magic - magic;
}

export function toHalf(value: number): number {
  return f16ToNumber(numberToF16(value));
}

/**
 * The grid that spans the numbers `start … end` of `W` (arXiv 2210.17323 and llama.cpp's conventions as `packing.zero`
 * names them): from the smallest to the largest, 0 among them but for `minimum`. All zeros: scale 1.
 */
export function findGrid(W: ArrayLike<number>, start: number, end: number, { bits, zero, scale: type }: Grouped): Grid {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = start; i < end; i++) {
    if (W[i] < low) low = W[i];
    if (W[i] > high) high = W[i];
  }
  return gridOfRange(low, high, bits, zero, type);
}

/** The grid from `low` to `high`. */
export function gridOfRange(
  low: number,
  high: number,
  bits: number,
  zero: Grouped['zero'],
  type: Grouped['scale'],
): Grid {
  const stored = (value: number) => (type === 'F32' ? Math.fround(value) : toHalf(value));
  const most = 2 ** bits - 1;
  if (zero === 'symmetric') {
    const scale = stored(Math.max(-low, high, 0) / (2 ** (bits - 1) - 1));
    return { scale: scale === 0 ? 1 : scale, zero: 0 };
  }
  if (zero === 'minimum') {
    const minimum = toHalf(low);
    const scale = stored((high - minimum) / most);
    return { scale: scale === 0 ? 1 : scale, zero: minimum };
  }
  const from = Math.min(low, 0);
  const found = stored((Math.max(high, 0) - from) / most);
  const scale = found === 0 ? 1 : found;
  return { scale, zero: Math.min(most, Math.max(0, roundToEven(-from / scale))) };
}

/** Code of a number on a grid; for `symmetric` it may be negative. */
export function gridCode(
  value: number,
  { scale, zero }: Grid,
  { bits, zero: kind }: Pick<Grouped, 'bits' | 'zero'>,
): number {
  const most = 2 ** bits - 1;
  if (kind === 'symmetric') {
    const half = 2 ** (bits - 1) - 1;
    return Math.min(half, Math.max(-half, roundToEven(value / scale)));
  }
  const code = kind === 'minimum' ? roundToEven((value - zero) / scale) : roundToEven(value / scale) + zero;
  return Math.min(most, Math.max(0, code));
}

/** The number that a code stands for. */
export function gridValue(code: number, { scale, zero }: Grid, kind: Grouped['zero']): number {
  return kind === 'minimum' ? scale * code + zero : scale * (code - zero);
}

/** Round to nearest: every group on the grid that spans it. @param W (rows, columns). */
export function roundToNearest(W: ArrayLike<number>, rows: number, columns: number, packing: Grouped): GroupedValues {
  const size = groupSize(packing, columns);
  const groups = groupsOf(packing, columns);
  const codes = new Uint8Array(rows * columns);
  const scales = new Float64Array(rows * groups);
  const zeros = new Float64Array(rows * groups);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const start = row * columns + group * size;
      const end = row * columns + Math.min(columns, (group + 1) * size);
      const grid = findGrid(W, start, end, packing);
      scales[row * groups + group] = grid.scale;
      zeros[row * groups + group] = grid.zero;
      for (let i = start; i < end; i++) codes[i] = gridCode(W[i], grid, packing);
    }
  }
  return { packing, rows, columns, codes, scales, ...(packing.zero !== 'symmetric' && { zeros }) };
}
