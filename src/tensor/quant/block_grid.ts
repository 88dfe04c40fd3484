/**
 * @file The grids that block types round to, where they are even: value = scale · (code − zero), or scale · code + minimum, with
 * one scale for `group` values in a row. IQ4_NL's levels are whole numbers, too, and stand on the grid of 8 bits.
 */
import { blockOf, type DType } from '../dtype.ts';
import { f16At, signed } from './block_decoder.ts';
import { minimumOfRun, scaleOfRun } from './k_scales.ts';
import { scaleOfGroup } from './q3_k.ts';

export interface BlockGrid {
  /** Codes are 0 … 2^bits − 1. */
  readonly bits: number;
  /** Values that share a scale, a divisor of the block's. */
  readonly group: number;
  /** The code that stands for 0; absent where groups have minimums. */
  readonly zero?: number;
  /** Of a group of the block that begins at `bytes[at]`. */
  scale(bytes: Uint8Array, at: number, group: number): number;
  minimum?(bytes: Uint8Array, at: number, group: number): number;
}

const simple = (bits: number): BlockGrid => ({ bits, group: 32, zero: 2 ** (bits - 1), scale: f16At });

const withMinimum = (bits: number): BlockGrid => ({
  ...{ bits, group: 32, scale: f16At },
  minimum: (bytes, at) => f16At(bytes, at + 2),
});

const runs = (bits: number): BlockGrid => ({
  ...{ bits, group: 32 },
  scale: (bytes, at, run) => f16At(bytes, at) * scaleOfRun(bytes, at + 4, run),
  minimum: (bytes, at, run) => -f16At(bytes, at + 2) * minimumOfRun(bytes, at + 4, run),
});

const GRIDS: Partial<Record<DType, BlockGrid>> = {
  Q4_0: simple(4),
  Q5_0: simple(5),
  Q8_0: simple(8),
  IQ4_NL: simple(8),
  Q4_1: withMinimum(4),
  Q5_1: withMinimum(5),
  Q4_K: runs(4),
  Q5_K: runs(5),
  Q2_K: {
    ...{ bits: 2, group: 16 },
    scale: (bytes, at, group) => f16At(bytes, at + 80) * (bytes[at + group] & 15),
    minimum: (bytes, at, group) => -f16At(bytes, at + 82) * (bytes[at + group] >> 4),
  },
  Q3_K: {
    ...{ bits: 3, group: 16, zero: 4 },
    scale: (bytes, at, group) => f16At(bytes, at + 108) * scaleOfGroup(bytes, at + 96, group),
  },
  Q6_K: {
    ...{ bits: 6, group: 16, zero: 32 },
    scale: (bytes, at, group) => f16At(bytes, at + 208) * signed(bytes[at + 192 + group]),
  },
};

/** Undefined for floats, and for types whose values lie on no even grid. */
export function blockGrid(dtype: DType): BlockGrid | undefined {
  return GRIDS[dtype];
}

/** Of every group of the matrix in `bytes`, in order; minimums only where the type has them. */
export function gridScales(bytes: Uint8Array, dtype: DType, grid: BlockGrid) {
  const block = blockOf(dtype);
  const each = block.elements / grid.group;
  const count = (bytes.length / block.bytes) * each;
  const of = (read: (bytes: Uint8Array, at: number, group: number) => number) =>
    Float64Array.from({ length: count }, (_, i) => read(bytes, Math.floor(i / each) * block.bytes, i % each));
  return { scales: of(grid.scale), ...(grid.minimum && { minimums: of(grid.minimum) }) };
}
