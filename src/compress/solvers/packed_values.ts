/** @file What solvers find → what is stored: between {@link GroupedCodes}, masks and the like, and the kinds of packings. */

import { type Columns, type Grouped, groupSize, type LowRank, type Sparse } from '../../models/packed/packing.ts';
import type { ColumnsValues, GroupedValues, LowRankValues, SparseValues } from '../../models/packed/values.ts';
import { pulse } from '../../pulse/pulse.ts';
import type { GptqResult } from './gptq.ts';
import { type Grid, toHalf } from './grid.ts';
import type { LowRankPair } from './low_rank.ts';
import type { OwqResult } from './owq.ts';
import { int8Groups, roundToNearest } from './rtn.ts';

/** The grid that a packing with zero points or minimums stands for; symmetric ones are {@link int8Groups}. */
export function gridOf({ bits, zero }: Grouped): Grid {
  return { bits, kind: zero === 'minimum' ? 'minimum' : 'integer' };
}

export function groupedValues(found: GptqResult, packing: Grouped): GroupedValues {
  const { rows, columns, codes, scales, offsets, order } = found;
  const values = {
    packing,
    rows,
    columns,
    codes,
    scales: Float64Array.from(scales),
    zeros: Float64Array.from(offsets),
  };
  return order ? { ...values, order: Uint16Array.from(order) } : values;
}

/** Every weight to the nearest number that the packing has. @param W (rows, columns). */
export function nearestValues(W: Float64Array, rows: number, columns: number, packing: Grouped): GroupedValues {
  if (packing.zero !== 'symmetric') {
    const size = groupSize(packing, columns);
    return groupedValues(roundToNearest(W, rows, columns, size, gridOf(packing)), packing);
  }
  const half = packing.scale === 'F16' ? toHalf : undefined;
  const { codes, scales } = int8Groups(W, rows, columns, groupSize(packing, columns), half);
  return { packing, rows, columns, codes: new Uint8Array(codes.buffer), scales: Float64Array.from(scales) };
}

/** @param dropped (rows, columns), 1 where a weight goes. */
export function sparseValues(
  W: Float64Array,
  dropped: Uint8Array,
  rows: number,
  columns: number,
  packing: Sparse,
): SparseValues {
  const values = W.map((value, i) => (dropped[i] ? 0 : value));
  return { packing, rows, columns, values, mask: dropped.map((gone) => 1 - gone) };
}

/** @param rank, floats As planned; the pair has that rank. */
export function lowRankValues(
  { up, down }: LowRankPair,
  rows: number,
  columns: number,
  packing: LowRank,
  base?: GroupedValues,
): LowRankValues {
  return { packing, rows, columns, up: Float64Array.from(up), down: Float64Array.from(down), ...(base && { base }) };
}

/** OWQ keeps inputs in the order of their weight; they are stored ascending. */
export function columnsValues(found: OwqResult, rows: number, columns: number, packing: Columns): ColumnsValues {
  const { rounded, keptInputs, kept } = found;
  const order = [...keptInputs.keys()].sort((a, b) => keptInputs[a] - keptInputs[b]);
  const count = order.length;
  const ascending = new Float64Array(rows * count);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let i = 0; i < count; i++) ascending[row * count + i] = kept[row * count + order[i]];
  }
  return {
    ...{ packing, rows, columns },
    indices: Uint16Array.from(order, (i) => keptInputs[i]),
    kept: ascending,
    rest: groupedValues(rounded, packing.rest),
  };
}
