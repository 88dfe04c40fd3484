/**
 * @file OWQ (arXiv 2306.02272): the most sensitive inputs keep float16 weights, the others are rounded as by GPTQ, and what
 * these are off by is spread over the kept ones, too, before those are rounded to float16.
 */
import type { WalkOptions } from './column_walk.ts';
import { type GptqOptions, walkGrid } from './gptq.ts';
import { decodeGrouped, emptyCodes, type GroupedCodes, groupsOf, toHalf } from './grid.ts';
import { diagonalOf, fallingOrder, takeColumns } from './hessian.ts';
import { roundToNearest } from './rtn.ts';

export interface OwqResult {
  /** Of the inputs that are not kept, in natural order. */
  readonly rounded: GroupedCodes;
  /** Inputs that are rounded, ascending, and those that are kept, the most sensitive first. */
  readonly roundedInputs: Uint32Array;
  readonly keptInputs: Uint32Array;
  /** (rows, kept): float16 values. */
  readonly kept: Float64Array;
}

/** Inputs that are kept of so many, for a share of them. */
export function keptColumns(keep: number, columns: number): number {
  return Math.min(columns, Math.ceil(keep * columns));
}

/**
 * @param keep Share of the inputs that are kept; at least one is.
 * @param W (rows, columns) row-major; left as it is.
 * @throws `not_converged`, `cancelled`
 */
export async function owq(
  W: Float64Array,
  rows: number,
  columns: number,
  gram: Float64Array,
  keep: number,
  options: GptqOptions,
  work: WalkOptions = {},
): Promise<OwqResult> {
  const count = keptColumns(keep, columns);
  const nearest = decodeGrouped(roundToNearest(W, rows, columns, options.group, options.grid));
  const diagonal = diagonalOf(gram, columns);
  const sensitivity = Float64Array.from(diagonal, (energy, column) => {
    let squares = 0;
    for (let i = column; i < W.length; i += columns) squares += (W[i] - nearest[i]) ** 2;
    return energy * squares;
  });
  const keptInputs = fallingOrder(sensitivity).slice(0, count);
  const isKept = new Set(keptInputs);
  const roundedInputs = Uint32Array.from(Array.from({ length: columns }, (_, i) => i).filter((i) => !isKept.has(i)));
  const order = Uint32Array.from([...roundedInputs, ...keptInputs]);
  const walked = takeColumns(W, rows, columns, order);
  const stop = roundedInputs.length;
  const group = Math.max(1, Math.min(options.group, stop));
  const rounded = emptyCodes(rows, stop, group, options.grid);
  const groups = groupsOf(stop, group);
  await walkGrid(walked, rows, columns, gram, order, options, work, {
    ...{ group, stop, into: rounded, inputs: order },
    begin(row, index, params) {
      rounded.scales[row * groups + index] = params.scale;
      rounded.offsets[row * groups + index] = params.offset;
    },
  });
  const kept = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < count; j++) kept[row * count + j] = toHalf(walked[row * columns + stop + j]);
  }
  return { rounded, roundedInputs, keptInputs, kept };
}

/** The numbers that the parts stand for, (rows, columns) in natural order. */
export function decodeOwq({ rounded, roundedInputs, keptInputs, kept }: OwqResult): Float64Array {
  const { rows } = rounded;
  const columns = roundedInputs.length + keptInputs.length;
  const values = new Float64Array(rows * columns);
  const codes = decodeGrouped(rounded);
  for (let row = 0; row < rows; row++) {
    roundedInputs.forEach((input, j) => {
      values[row * columns + input] = codes[row * roundedInputs.length + j];
    });
    keptInputs.forEach((input, j) => {
      values[row * columns + input] = kept[row * keptInputs.length + j];
    });
  }
  return values;
}
