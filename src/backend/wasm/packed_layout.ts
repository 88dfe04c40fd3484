/**
 * @file How the CPU backend holds grouped integers: in their bits. Four rows are a quad, and what the loops read of it lies
 * in the order in which they read it: of each block of 32 inputs the codes of its rows one after the other, of each group
 * their zero points and their scales. Codes of a row's block keep the order and the bits that they are stored in.
 */
import type { PackedMatrix } from '../backend.ts';

export const BLOCK = 32;
/** Rows that are multiplied together. */
export const QUAD = 4;

/** What decides on the loops. */
export interface PackedForm {
  readonly bits: 2 | 3 | 4 | 8;
  readonly scale: 'F16' | 'F32';
  /** `minimum32`: minimums in f32. */
  readonly zero: 'symmetric' | 'integer' | 'minimum' | 'minimum32';
}

export interface PackedLayout extends PackedForm {
  readonly rows: number;
  readonly columns: number;
  /** Of a row. */
  readonly blocks: number;
  /** Blocks that share a scale, and groups of a row. */
  readonly group: number;
  readonly groups: number;
  /** Where each part begins, and the bytes of all. */
  readonly zeros_at: number;
  readonly scales_at: number;
  readonly bytes: number;
}

/** Bytes of the codes of a block, of one row. */
export const blockBytes = (bits: PackedForm['bits']) => (BLOCK * bits) / 8;
/** Bytes of the scales of a group, of one row. */
export const scaleBytes = (scale: PackedForm['scale']) => (scale === 'F16' ? 2 : 4);
/** Bits of what says where zero lies in a group, of one row. */
export const zeroBits = ({ zero, bits }: Pick<PackedForm, 'zero' | 'bits'>) =>
  ({ symmetric: 0, integer: bits, minimum: 16, minimum32: 32 })[zero];

const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;

/** Undefined where groups are no whole number of blocks: such a matrix is held as floats. */
export function layoutOf(
  matrix: PackedForm & Pick<PackedMatrix, 'rows' | 'columns' | 'group'>,
): PackedLayout | undefined {
  const { rows, columns, bits, group, scale, zero } = matrix;
  const size = group === 'row' ? columns : group;
  if (size % BLOCK !== 0 && size < columns) return undefined;
  const blocks = Math.ceil(columns / BLOCK);
  const inGroup = Math.min(blocks, Math.ceil(size / BLOCK));
  const groups = Math.ceil(blocks / inGroup);
  const held = roundUp(rows, QUAD);
  const zeros_at = held * blocks * blockBytes(bits);
  const scales_at = roundUp(zeros_at + Math.ceil((held * groups * zeroBits({ zero, bits })) / 8), 4);
  const bytes = scales_at + held * groups * scaleBytes(scale);
  return { bits, scale, zero, rows, columns, blocks, group: inGroup, groups, zeros_at, scales_at, bytes };
}

/** Inputs as 16-bit integers: of each block the largest becomes ±32,767. */
export interface QuantisedRows {
  /** (rows, blocks · 32), each block in the order of {@link inputPlace}. */
  readonly values: Int16Array;
  /** (rows, blocks). */
  readonly scales: Float32Array;
  /** (rows, blocks): Σ of the block as it is told by integers and scale. */
  readonly sums: Float32Array;
}

/**
 * Where input i of a block lies: a vector of eight words holds four codes of fewer than 8 bits in each, so that every
 * fourth input is met by one shift of it.
 */
export const inputPlace = (bits: PackedForm['bits'], i: number) => (bits === 8 ? i : 8 * (i & 3) + (i >> 2));

/** @param from Of the row in x. @param row Of `into`, which has `columns` rounded up to blocks for each. */
export function quantiseRow(
  x: Float32Array,
  from: number,
  columns: number,
  bits: PackedForm['bits'],
  { values, scales, sums }: QuantisedRows,
  row: number,
): void {
  const blocks = Math.ceil(columns / BLOCK);
  for (let block = 0; block < blocks; block++) {
    const first = from + block * BLOCK;
    const count = Math.min(columns - block * BLOCK, BLOCK);
    let largest = 0;
    for (let i = 0; i < count; i++) {
      const size = Math.abs(x[first + i]);
      // NaN is no largest: it comes through by the sum.
      if (size > largest) largest = size;
    }
    const scale = largest / 32767;
    const inverse = scale > 0 ? 1 / scale : 0;
    const at = (row * blocks + block) * BLOCK;
    let sum = 0;
    if (count < BLOCK) values.fill(0, at, at + BLOCK);
    for (let i = 0; i < count; i++) {
      const value = Math.round(x[first + i] * inverse);
      values[at + inputPlace(bits, i)] = value;
      sum += value;
    }
    scales[row * blocks + block] = scale;
    sums[row * blocks + block] = sum * scale;
  }
}
