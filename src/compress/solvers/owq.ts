/**
 * @file OWQ (arXiv 2306.02272): the most sensitive inputs keep float16 weights, the others are rounded as by GPTQ, and what
 * these are off by is spread over the kept ones, too, before those are rounded to float16.
 */
import { dense, otherColumns } from '../../models/packed/dense.ts';
import { groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { ColumnsValues } from '../../models/packed/values.ts';
import type { WalkOptions } from './column_walk.ts';
import { emptyGrouped, type GptqOptions, gridAt, walkGrid } from './gptq.ts';
import { roundToNearest, toHalf } from './grid.ts';
import { diagonalOf, fallingOrder, takeColumns } from './hessian.ts';

/** Inputs that are kept of so many, for a share of them. */
export function keptColumns(keep: number, columns: number): number {
  return Math.min(columns, Math.ceil(keep * columns));
}

/**
 * @param keep Share of the inputs that are kept; at least one is, unless it is 0.
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
): Promise<ColumnsValues> {
  const count = keptColumns(keep, columns);
  const nearest = dense(roundToNearest(W, rows, columns, options.packing));
  const sensitivity = Float64Array.from(diagonalOf(gram, columns), (energy, column) => {
    let squares = 0;
    for (let i = column; i < W.length; i += columns) squares += (W[i] - nearest[i]) ** 2;
    return energy * squares;
  });
  // The walk takes kept inputs last, the most sensitive of them first.
  const keptInputs = fallingOrder(sensitivity).slice(0, count);
  const stop = columns - count;
  const order = Uint32Array.from([...otherColumns(keptInputs, columns), ...keptInputs]);
  const walked = takeColumns(W, rows, columns, order);
  const rest = emptyGrouped(rows, stop, options.packing);
  const groups = groupsOf(options.packing, stop);
  const size = Math.max(1, groupSize(options.packing, stop));
  await walkGrid(walked, rows, columns, gram, options, work, {
    ...{ stop, codes: rest.codes, inputs: order },
    begin(row, index, { scale, zero }) {
      rest.scales[row * groups + index] = scale;
      if (rest.zeros) rest.zeros[row * groups + index] = zero;
    },
    place: (row, column) => ({
      at: row * stop + column,
      grid: gridAt(rest, row * groups + Math.floor(column / size)),
    }),
  });
  const indices = Uint16Array.from(keptInputs).sort();
  const places = Array.from(indices, (input) => stop + keptInputs.indexOf(input));
  const kept = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < count; j++) kept[row * count + j] = toHalf(walked[row * columns + places[j]]);
  }
  return { packing: { kind: 'columns', columns: count, rest: options.packing }, rows, columns, indices, kept, rest };
}
