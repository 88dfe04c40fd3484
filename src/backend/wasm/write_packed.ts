/** @file Grouped integers as they are stored → as the CPU backend holds them (`packed_layout.ts`). */
import type { PackedMatrix } from '../backend.ts';
import { BLOCK, blockBytes, type PackedLayout, QUAD, scaleBytes } from './packed_layout.ts';

/** Two's complement with its highest bit turned is the code raised to the middle: these bits, in words of a block. */
const HIGHEST_BITS: Record<PackedLayout['bits'], readonly number[]> = {
  2: [0xaaaaaaaa],
  3: [0x24924924, 0x49249249, 0x92492492],
  4: [0x88888888],
  8: [0x80808080],
};

/** False where a scale or a minimum is no finite float16: the loops read only finite ones. */
export function isFinitePacked({ scale, zero, scales, zeros }: PackedMatrix): boolean {
  const areFinite = (bytes: Uint8Array) => {
    for (let i = 1; i < bytes.length; i += 2) if ((bytes[i] & 0x7c) === 0x7c) return false;
    return true;
  };
  return (scale === 'F32' || areFinite(scales)) && (zero !== 'minimum' || !zeros || areFinite(zeros));
}

/** Writes a matrix. @param out Of `layout.bytes`, all zero. */
export function writePacked(matrix: PackedMatrix, layout: PackedLayout, out: Uint8Array): void {
  const { rows, columns, codes, scales, zeros, zero } = matrix;
  const { bits, blocks, groups, zeros_at, scales_at, scale } = layout;
  const size = blockBytes(bits);
  if (columns % BLOCK === 0) tiles(codes, size, rows, blocks, out);
  else expand(matrix, layout, out);
  if (zero === 'symmetric') turn(out, zeros_at, bits);
  tiles(scales, scaleBytes(scale), rows, groups, out.subarray(scales_at));
  if (zero === 'minimum' && zeros) tiles(zeros, 2, rows, groups, out.subarray(zeros_at));
  if (zero !== 'integer' || !zeros) return;
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      putBits(out, zeros_at, tileOf(row, group, groups), bits, codeAt(zeros, bits, row * groups + group));
    }
  }
}

/** Which part of all it is: (quads, parts of a row, rows of a quad). */
function tileOf(row: number, part: number, parts: number): number {
  return (Math.floor(row / QUAD) * parts + part) * QUAD + (row % QUAD);
}

/** Parts of `size` bytes, an even number. */
function tiles(from: Uint8Array, size: number, rows: number, parts: number, out: Uint8Array): void {
  // Copied by words where all begin at one: JavaScript's own copying costs more than so few bytes.
  const unit = size % 4 === 0 && from.byteOffset % 4 === 0 && out.byteOffset % 4 === 0 ? 4 : 2;
  const even = from.byteOffset % 2 === 0 ? from : from.slice();
  const count = size / unit;
  const [source, target] = [wordsOf(even, unit), wordsOf(out, unit)];
  for (let row = 0, at = 0; row < rows; row++) {
    for (let part = 0; part < parts; part++) {
      const to = tileOf(row, part, parts) * count;
      for (let i = 0; i < count; i++) target[to + i] = source[at++];
    }
  }
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array, unit: 2 | 4): Uint16Array | Uint32Array {
  const count = Math.floor(byteLength / unit);
  return unit === 4 ? new Uint32Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count);
}

/** Turns the highest bit of each code. */
function turn(out: Uint8Array, zeros_at: number, bits: PackedLayout['bits']): void {
  const masks = HIGHEST_BITS[bits];
  const words = new Uint32Array(out.buffer, out.byteOffset, zeros_at / 4);
  for (let i = 0; i < words.length; ) for (const mask of masks) words[i++] ^= mask;
}

/** Code by code, into whole blocks. */
function expand({ rows, columns, codes }: PackedMatrix, { bits, blocks }: PackedLayout, out: Uint8Array): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = tileOf(row, Math.floor(column / BLOCK), blocks);
      putBits(out, 0, block * BLOCK + (column % BLOCK), bits, codeAt(codes, bits, row * columns + column));
    }
  }
}

/** Of codes without a gap; one lies in two bytes at most. */
function codeAt(codes: Uint8Array, bits: number, index: number): number {
  const bit = index * bits;
  const at = Math.floor(bit / 8);
  return ((codes[at] | ((codes[at + 1] ?? 0) << 8)) >> (bit - 8 * at)) & (2 ** bits - 1);
}

/** Into zeros. */
function putBits(out: Uint8Array, from: number, index: number, bits: number, code: number): void {
  const bit = index * bits;
  const at = from + Math.floor(bit / 8);
  const shifted = code << (bit % 8);
  out[at] |= shifted;
  if (shifted > 255) out[at + 1] |= shifted >> 8;
}
