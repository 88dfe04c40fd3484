/**
 * @file Codes as MatMulNBits stores them (onnxruntime/docs/ContribOperators.md): 8-bit codes a byte each; two 4-bit codes
 * a byte, the first in the low half.
 */
import { type Bits, blocksOf, type QuantizedRows } from './blocks.ts';

/** Bytes of the codes of one block. */
export function blobBytes(bits: Bits): number {
  return 4 * bits;
}

/** (rows, blocks, blob). */
export function packCodes({ bits, codes }: QuantizedRows): Uint8Array {
  return bits === 8 ? codes : packHalves(codes);
}

/** (rows, ⌈blocks · bits/8⌉): each row starts a byte. */
export function packZeroPoints({ bits, rows, columns, zero_points }: QuantizedRows): Uint8Array {
  if (bits === 8) return zero_points;
  const blocks = blocksOf(columns);
  if (blocks % 2 === 0) return packHalves(zero_points);
  const even = new Uint8Array(rows * (blocks + 1));
  for (let row = 0; row < rows; row++) {
    even.set(zero_points.subarray(row * blocks, (row + 1) * blocks), row * (blocks + 1));
  }
  return packHalves(even);
}

function packHalves(codes: Uint8Array): Uint8Array {
  const packed = new Uint8Array(codes.length / 2);
  for (let i = 0; i < packed.length; i++) packed[i] = codes[2 * i] | (codes[2 * i + 1] << 4);
  return packed;
}
