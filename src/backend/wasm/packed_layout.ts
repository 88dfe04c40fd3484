/**
 * @file How the CPU backend holds grouped integers: codes in blocks of 32 inputs, 4 bits (also those of 2 and 3) or 8, then
 * scales, then zero points or minimums. Codes of 4 bits lie as they
 * are stored, the first of two in the low half of their byte, so that a matrix of whole blocks is copied as it is.
 */
import type { PackedMatrix } from '../backend.ts';

export const BLOCK = 32;

/** What decides on the loops. */
export interface PackedForm {
  readonly bits: 4 | 8;
  readonly scale: 'F16' | 'F32';
  readonly zero: 'symmetric' | 'integer' | 'minimum';
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
  readonly scales_at: number;
  readonly zeros_at: number;
  readonly bytes: number;
}

/** Undefined where groups are no whole number of blocks: such a matrix is held as floats. */
export function layoutOf(matrix: Omit<PackedMatrix, 'codes' | 'scales' | 'zeros'>): PackedLayout | undefined {
  const { rows, columns, bits, group, scale, zero } = matrix;
  const size = group === 'row' ? columns : group;
  if (size % BLOCK !== 0 && size < columns) return undefined;
  const blocks = Math.ceil(columns / BLOCK);
  const inGroup = Math.min(blocks, Math.ceil(size / BLOCK));
  const groups = Math.ceil(blocks / inGroup);
  const form = { bits: bits === 8 ? 8 : 4, scale, zero } as const;
  const scales_at = rows * blocks * 4 * form.bits;
  const zeros_at = scales_at + rows * groups * (scale === 'F16' ? 2 : 4);
  const bytes = zeros_at + rows * groups * { symmetric: 0, integer: 1, minimum: 2 }[zero];
  return { ...form, rows, columns, blocks, group: inGroup, groups, scales_at, zeros_at, bytes };
}

/** Writes a matrix. @param out Of `layout.bytes`. */
export function writePacked(matrix: PackedMatrix, layout: PackedLayout, out: Uint8Array): void {
  const { rows, codes, scales, zeros, zero, bits: width } = matrix;
  const { bits, groups, scales_at, zeros_at } = layout;
  if (width === bits && matrix.columns % BLOCK === 0) {
    out.set(codes.subarray(0, scales_at));
    // Two's complement with its highest bit turned is the code raised to the middle.
    if (zero === 'symmetric') flip(out.subarray(0, scales_at), bits === 8 ? 0x80 : 0x88);
  } else expand(matrix, layout, out);
  out.set(scales.subarray(0, zeros_at - scales_at), scales_at);
  if (!zeros) return;
  if (zero === 'minimum') out.set(zeros.subarray(0, 2 * rows * groups), zeros_at);
  else for (let i = 0; i < rows * groups; i++) out[zeros_at + i] = codeAt(zeros, width, i);
}

function flip(bytes: Uint8Array, mask: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] ^= mask;
}

/** Code by code, into whole blocks of the width that is held. */
function expand(
  { rows, columns, codes, zero, bits: width }: PackedMatrix,
  { bits, blocks }: PackedLayout,
  out: Uint8Array,
) {
  const raised = zero === 'symmetric' ? 2 ** (width - 1) : 0;
  // Signed codes of fewer bits count from another middle than those that are held.
  const middle = zero === 'symmetric' ? 2 ** (bits - 1) - raised : 0;
  const mask = 2 ** width - 1;
  out.fill(0, 0, rows * blocks * 4 * bits);
  for (let row = 0; row < rows; row++) {
    const from = row * blocks * BLOCK;
    for (let column = 0; column < columns; column++) {
      const code = ((codeAt(codes, width, row * columns + column) + raised) & mask) + middle;
      const at = from + column;
      if (bits === 8) out[at] = code;
      else out[at >> 1] |= at & 1 ? code << 4 : code;
    }
  }
}

/** Of codes without a gap; one lies in two bytes at most. */
function codeAt(codes: Uint8Array, bits: number, index: number): number {
  const bit = index * bits;
  const at = Math.floor(bit / 8);
  return ((codes[at] | ((codes[at + 1] ?? 0) << 8)) >> (bit - 8 * at)) & (2 ** bits - 1);
}

/** Inputs as 16-bit integers: of each block the largest becomes ±32,767. */
export interface QuantisedRow {
  /** (blocks · 32). */
  readonly values: Int16Array;
  /** (blocks). */
  readonly scales: Float32Array;
  /** (blocks): Σ of the block as it is told by integers and scale. */
  readonly sums: Float32Array;
}

export function quantiseRow(x: Float32Array, columns: number, { values, scales, sums }: QuantisedRow): void {
  for (let block = 0, from = 0; from < columns; block++, from += BLOCK) {
    const end = Math.min(columns, from + BLOCK);
    let largest = 0;
    for (let i = from; i < end; i++) largest = Math.max(largest, Math.abs(x[i]));
    const scale = largest / 32767;
    const inverse = scale > 0 ? 1 / scale : 0;
    let sum = 0;
    for (let i = from; i < end; i++) {
      const value = Math.round(x[i] * inverse);
      values[i] = value;
      sum += value;
    }
    values.fill(0, end, from + BLOCK);
    scales[block] = scale;
    sums[block] = sum * scale;
  }
}
