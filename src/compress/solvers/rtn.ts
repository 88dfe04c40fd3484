/** @file Round to nearest: every weight on its own. */
import { pulse } from '../../pulse/pulse.ts';
import { codeOf, emptyCodes, type Grid, type GroupedCodes, groupsOf, paramsOf } from './grid.ts';

/**
 * @param W (rows, columns) row-major.
 * @param group Inputs that share a scale; `columns` or more for one a row.
 */
export function roundToNearest(
  W: Float64Array,
  rows: number,
  columns: number,
  group: number,
  grid: Grid,
): GroupedCodes {
  const size = Math.min(group, columns);
  const found = emptyCodes(rows, columns, size, grid);
  const groups = groupsOf(columns, size);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let index = 0; index < groups; index++) {
      const start = row * columns + index * size;
      const count = Math.min(size, columns - index * size);
      const params = paramsOf(grid, W, start, count);
      found.scales[row * groups + index] = params.scale;
      found.offsets[row * groups + index] = params.offset;
      for (let i = start; i < start + count; i++) found.codes[i] = codeOf(grid, params, W[i]);
    }
  }
  return found;
}

/** Symmetric 8 bits with one f32 scale a row, max|w| / 127: what tables and W8A8 weights are stored as. */
export interface Int8Rows {
  readonly rows: number;
  readonly columns: number;
  /** (rows, columns). */
  readonly codes: Int8Array;
  /** (rows). */
  readonly scales: Float32Array;
}

/** The scale is rounded to f32 after the codes were found with it in f64, as the reference stores it. */
export function int8Rows(W: Float64Array, rows: number, columns: number): Int8Rows {
  return int8Groups(W, rows, columns, columns);
}

/**
 * The same with a scale for each group of inputs of a row: scales are (rows, groups).
 * @param round What scales are stored in, where they are rounded before the codes are found (float16).
 */
export function int8Groups(
  W: Float64Array,
  rows: number,
  columns: number,
  group: number,
  round: (scale: number) => number = (scale) => scale,
): Int8Rows {
  const codes = new Int8Array(rows * columns);
  const groups = groupsOf(columns, group);
  const scales = new Float32Array(rows * groups);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let index = 0; index < groups; index++) {
      const start = row * columns + index * group;
      const end = Math.min(start + group, (row + 1) * columns);
      let largest = 0;
      for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(W[i]));
      const scale = round(largest / 127) || 1;
      scales[row * groups + index] = scale;
      for (let i = start; i < end; i++) codes[i] = roundCode(W[i] / scale);
    }
  }
  return { rows, columns, codes, scales };
}

function roundCode(value: number): number {
  return Math.max(-127, Math.min(127, value + 1.5 * 2 ** 52 - 1.5 * 2 ** 52));
}
