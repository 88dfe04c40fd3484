/**
 * @file Grids of integers that weights are rounded to: b-bit codes with a float16 scale a group of consecutive inputs, and
 * an integer zero point (ONNX, GPTQ, AWQ) or a float16 minimum (GGUF's Q4_1). All arithmetic is f64.
 *
 * Conventions of the reference: the range of an integer grid always holds 0, the scale is rounded to float16 before use,
 * zero = round(−min/scale), ties go to even, and a scale of 0 becomes 1.
 */
import { pulse } from '../../pulse/pulse.ts';
import { f16Value, numberToF16 } from '../../tensor/half.ts';

export type GridKind = 'integer' | 'minimum';

export interface Grid {
  readonly bits: number;
  readonly kind: GridKind;
}

/** One group's grid: value = scale · (code − zero), or scale · code + minimum. */
export interface GroupParams {
  scale: number;
  /** The integer zero point, or the float16 minimum. */
  offset: number;
}

/** A matrix on a grid. Groups run along the inputs; the last one of a row may be shorter. */
export interface GroupedCodes {
  readonly rows: number;
  readonly columns: number;
  readonly group: number;
  readonly grid: Grid;
  /** (rows, columns). */
  readonly codes: Uint8Array;
  /** (rows, ⌈columns / group⌉) each: float16 values, and zero points or float16 minima. */
  readonly scales: Float32Array;
  readonly offsets: Float32Array;
}

/** Adding and subtracting it rounds an f64 below 2^51 in magnitude to a whole number, ties to even. */
const ROUND = 1.5 * 2 ** 52;

export function roundEven(value: number): number {
  return value + ROUND - ROUND;
}

/** The float16 nearest to a number, as the oracle rounds it: to f32 first. */
export function toHalf(value: number): number {
  return f16Value(numberToF16(Math.fround(value)));
}

export function groupsOf(columns: number, group: number): number {
  return Math.ceil(columns / group);
}

/** The grid of values between `low` and `high`. */
export function gridParams({ bits, kind }: Grid, low: number, high: number): GroupParams {
  const steps = 2 ** bits - 1;
  if (kind === 'minimum') {
    const offset = toHalf(low);
    return { scale: toHalf((high - offset) / steps) || 1, offset };
  }
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = toHalf((to - from) / steps) || 1;
  return { scale, offset: clamp(roundEven(-from / scale), steps) };
}

/** The grid of `count` values, `stride` apart. */
export function paramsOf(grid: Grid, values: Float64Array, start: number, count: number, stride = 1): GroupParams {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = values[start + i * stride];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return gridParams(grid, low, high);
}

export function codeOf({ bits, kind }: Grid, { scale, offset }: GroupParams, value: number): number {
  const code = kind === 'minimum' ? roundEven((value - offset) / scale) : roundEven(value / scale) + offset;
  return clamp(code, 2 ** bits - 1);
}

export function numberOf({ kind }: Grid, { scale, offset }: GroupParams, code: number): number {
  return kind === 'minimum' ? scale * code + offset : scale * (code - offset);
}

/** {@link codeOf} and {@link numberOf} of one grid, without an object a number: for walks over whole matrices. */
export function roundingTo({ bits, kind }: Grid) {
  const most = 2 ** bits - 1;
  const within = (code: number) => (code > most ? most : Math.max(code, 0));
  return kind === 'minimum'
    ? {
        nearest: (value: number, scale: number, minimum: number) => within((value - minimum) / scale + ROUND - ROUND),
        number: (code: number, scale: number, minimum: number) => scale * code + minimum,
      }
    : {
        nearest: (value: number, scale: number, zero: number) => within(value / scale + ROUND - ROUND + zero),
        number: (code: number, scale: number, zero: number) => scale * (code - zero),
      };
}

function clamp(code: number, most: number): number {
  return Math.max(0, Math.min(code, most));
}

/** An empty matrix on a grid, to be filled. */
export function emptyCodes(rows: number, columns: number, group: number, grid: Grid): GroupedCodes {
  const groups = rows * groupsOf(columns, group);
  return {
    ...{ rows, columns, group, grid },
    codes: new Uint8Array(rows * columns),
    scales: new Float32Array(groups),
    offsets: new Float32Array(groups),
  };
}

/** The numbers that codes stand for, (rows, columns). */
export function decodeGrouped({ rows, columns, group, grid, codes, scales, offsets }: GroupedCodes): Float64Array {
  const values = new Float64Array(rows * columns);
  const groups = groupsOf(columns, group);
  const params: GroupParams = { scale: 1, offset: 0 };
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let column = 0; column < columns; column++) {
      const at = row * groups + Math.floor(column / group);
      params.scale = scales[at];
      params.offset = offsets[at];
      values[row * columns + column] = numberOf(grid, params, codes[row * columns + column]);
    }
  }
  return values;
}
