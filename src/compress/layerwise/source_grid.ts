/**
 * @file The codes that a quantised weight has in its file, whatever packs it (blocks of GGUF; integers of GPTQ, AWQ,
 * compressed-tensors and ONNX), and the same codes in a packing that has room for them.
 */
import { type Grouped, groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import type { DType } from '../../tensor/dtype.ts';
import { blockGrid, gridScales } from '../../tensor/quant/block_grid.ts';
import { toHalf } from '../solvers/grid.ts';

/** Value = scale · (code − offset), or scale · code + offset. */
export interface SourceGrid {
  readonly kind: 'integer' | 'minimum';
  readonly bits: number;
  /** Inputs that share a scale. */
  readonly group: number;
  readonly rows: number;
  readonly columns: number;
  /** (rows, columns), 0 … 2^bits − 1. */
  readonly codes: Uint8Array;
  /** (rows, groups) each. */
  readonly scales: Float64Array;
  readonly offsets: Float64Array;
}

/**
 * @param W What the blocks decode to: each code is read from its number, which lies on the grid.
 * A negative scale, which Q4_0, Q3_K and Q6_K often have, is turned round: d·(q − 8) = −d·((15 − q) − 7).
 */
export function gridOfBlocks(
  W: Float64Array,
  [rows, columns]: readonly [number, number],
  blocks: Uint8Array,
  dtype: DType,
): SourceGrid | undefined {
  const grid = blockGrid(dtype);
  if (!grid) return undefined;
  const { bits, group, zero } = grid;
  const { scales, minimums } = gridScales(blocks, dtype, grid);
  const top = 2 ** bits - 1;
  const offsets = minimums ?? scales.map((scale) => (scale < 0 ? top - zero! : zero!));
  const size = minimums ? scales : scales.map(Math.abs);
  const codes = new Uint8Array(rows * columns);
  for (let i = 0; i < codes.length; i++) {
    const at = Math.floor(i / group);
    const code = minimums ? (W[i] - offsets[at]) / (size[at] || 1) : W[i] / (size[at] || 1) + offsets[at];
    codes[i] = Math.max(0, Math.min(top, Math.round(code)));
  }
  return { kind: minimums ? 'minimum' : 'integer', bits, group, rows, columns, codes, scales: size, offsets };
}

/** Undefined where inputs are stored in an order of their own. */
export function gridOfGrouped(values: GroupedValues): SourceGrid | undefined {
  const { packing, rows, columns, codes, scales, zeros, order } = values;
  if (order) return undefined;
  const { bits, zero } = packing;
  const shared = { bits, group: groupSize(packing, columns), rows, columns, scales };
  if (zeros) return { ...shared, kind: zero === 'minimum' ? 'minimum' : 'integer', codes, offsets: zeros };
  const half = 2 ** (bits - 1);
  return {
    ...{ ...shared, kind: 'integer' },
    codes: codes.map((code) => (code + half) & (2 * half - 1)),
    offsets: new Float64Array(scales.length).fill(half),
  };
}

/** Whether codes on a grid like that have room in a packing. */
export function hasRoom(
  { bits, kind, group }: Pick<SourceGrid, 'bits' | 'kind' | 'group'>,
  packing: Grouped,
  columns: number,
): boolean {
  const isKind = (packing.zero === 'minimum') === (kind === 'minimum');
  return isKind && !packing.ordered && bits <= packing.bits && group % groupSize(packing, columns) === 0;
}

/** The same codes; scales and minimums are rounded to the packing's type. Undefined: a code or a zero is out of its range. */
export function inPacking(found: SourceGrid, packing: Grouped): GroupedValues | undefined {
  const { rows, columns } = found;
  if (!hasRoom(found, packing, columns)) return undefined;
  const [size, groups] = [groupSize(packing, columns), groupsOf(packing, columns)];
  const own = Math.ceil(columns / found.group);
  const spread = (values: Float64Array) =>
    Float64Array.from(
      { length: rows * groups },
      (_, i) => values[Math.floor(i / groups) * own + Math.floor(((i % groups) * size) / found.group)],
    );
  const round = packing.scale === 'F16' ? toHalf : Math.fround;
  const scales = spread(found.scales).map(round);
  const offsets = spread(found.offsets);
  const shared = { packing, rows, columns, scales };
  if (packing.zero === 'minimum') return { ...shared, codes: found.codes, zeros: offsets.map(toHalf) };
  const top = 2 ** packing.bits - 1;
  if (packing.zero === 'integer') {
    return offsets.every((zero) => zero >= 0 && zero <= top)
      ? { ...shared, codes: found.codes, zeros: offsets }
      : undefined;
  }
  const half = 2 ** (packing.bits - 1);
  const codes = new Int8Array(rows * columns);
  for (let i = 0; i < codes.length; i++) {
    const code = found.codes[i] - offsets[Math.floor(i / columns) * groups + Math.floor((i % columns) / size)];
    if (code < -half || code >= half) return undefined;
    codes[i] = code;
  }
  return { ...shared, codes: new Uint8Array(codes.buffer) };
}
