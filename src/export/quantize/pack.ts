/**
 * @file Codes as MatMulNBits stores them (onnxruntime/docs/ContribOperators.md): 8 ∕ bits codes a byte, the first in the
 * lowest bits.
 */
import { type Bits, blocksOf, type QuantizedRows } from './blocks.ts';

/** Bytes of the codes of one block. */
export function blobBytes(bits: Bits, block_size: number): number {
  return (block_size * bits) / 8;
}

/** Bytes of the zero points of one row of `blocks` blocks. */
export function zeroPointBytes(bits: Bits, blocks: number): number {
  return Math.ceil((blocks * bits) / 8);
}

/** (rows, blocks, blob). */
export function packCodes({ bits, codes }: QuantizedRows): Uint8Array {
  return pack(codes, bits);
}

/** (rows, ⌈blocks · bits/8⌉): each row starts a byte. */
export function packZeroPoints({ bits, rows, columns, block_size, zero_points }: QuantizedRows): Uint8Array {
  const blocks = blocksOf(columns, block_size);
  const padded = (zeroPointBytes(bits, blocks) * 8) / bits;
  if (padded === blocks) return pack(zero_points, bits);
  const whole = new Uint8Array(rows * padded);
  for (let row = 0; row < rows; row++) {
    whole.set(zero_points.subarray(row * blocks, (row + 1) * blocks), row * padded);
  }
  return pack(whole, bits);
}

/** @param codes A whole number of bytes of them. */
function pack(codes: Uint8Array, bits: Bits): Uint8Array {
  if (bits === 8) return codes;
  const each = 8 / bits;
  const packed = new Uint8Array(codes.length / each);
  for (let i = 0; i < codes.length; i++) packed[Math.floor(i / each)] |= codes[i] << (bits * (i % each));
  return packed;
}
