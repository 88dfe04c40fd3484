/**
 * @file A linear that still has the numbers of its file is its own best rounding in the file's grid: nothing that is fitted
 * anew could be nearer, and fitting anew loses where codes do not reach both ends of their range.
 */
import { dense } from '../../models/packed/dense.ts';
import type { Grouped } from '../../models/packed/packing.ts';
import type { BlocksValues, GroupedValues } from '../../models/packed/values.ts';
import { decodeStored } from '../../tensor/decode.ts';
import type { QuantType } from '../../tensor/dtype.ts';
import type { LinearInput } from '../layerwise_types.ts';
import { gridOfBlocks, gridOfGrouped, hasRoom, inPacking, type SourceGrid } from './source_grid.ts';

type Source = Pick<LinearInput, 'W' | 'rows' | 'columns' | 'source' | 'blocks' | 'unpack'>;

/** The blocks themselves, where they are of that type and no step has changed what they hold. */
export function sourceBlocks({ W, rows, columns, source, blocks }: Source, dtype: QuantType): BlocksValues | undefined {
  if (!blocks || source.dtype !== dtype || !holds(decodeStored(blocks, dtype), W)) return undefined;
  return { packing: { kind: 'blocks', dtype }, rows, columns, blocks };
}

/**
 * The codes of the file in a packing that has room for them: of as many bits or more, in groups that divide the file's.
 * Where its scales are finer than float16 (K-quants: half-float times whole number) they are rounded to it.
 * Undefined for other grids, and where a step has changed the weights.
 */
export async function sourceIntegers(linear: Source, packing: Grouped): Promise<GroupedValues | undefined> {
  const grid = await sourceGrid(linear, packing);
  const found = grid && inPacking(grid, packing);
  return found && isNear(dense(found), linear.W, grid) ? found : undefined;
}

async function sourceGrid(linear: Source, packing: Grouped): Promise<SourceGrid | undefined> {
  const { W, rows, columns, source, blocks, unpack } = linear;
  if (blocks) {
    return holds(decodeStored(blocks, source.dtype), W)
      ? gridOfBlocks(W, [rows, columns], blocks, source.dtype)
      : undefined;
  }
  if (!unpack || source.packed?.kind !== 'grouped' || !mayFit(source.packed, packing, columns)) return undefined;
  const values = (await unpack()) as GroupedValues;
  return holds(dense(values), W) ? gridOfGrouped(values) : undefined;
}

/** Told before anything is read. */
function mayFit({ bits, group, zero, ordered }: Grouped, packing: Grouped, columns: number): boolean {
  const kind = zero === 'minimum' ? 'minimum' : 'integer';
  return !ordered && hasRoom({ bits, kind, group: group === 'row' ? columns : group }, packing, columns);
}

function holds(found: Float32Array, W: Float64Array): boolean {
  for (let i = 0; i < found.length; i++) if (found[i] !== W[i]) return false;
  return true;
}

/** Float16 rounds to one part in 2048. */
const NEAR = 2 ** -11;

/** Whether nothing but scale and minimum was rounded: not so where a scale is too small for float16. */
function isNear(found: Float32Array, W: Float64Array, { scales, offsets, codes, kind, group, columns }: SourceGrid) {
  const groups = Math.ceil(columns / group);
  const isMinimum = kind === 'minimum';
  for (let at = 0; at < scales.length; at++) {
    const row = Math.floor(at / groups) * columns;
    const first = (at % groups) * group;
    for (let i = row + first; i < row + Math.min(columns, first + group); i++) {
      const size = isMinimum ? scales[at] * codes[i] + Math.abs(offsets[at]) : W[i];
      // Written so that NaN is not near.
      if (!(Math.abs(found[i] - W[i]) <= NEAR * 1.001 * Math.abs(size) + 1e-30)) return false;
    }
  }
  return true;
}
