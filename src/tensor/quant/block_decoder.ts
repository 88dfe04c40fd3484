/**
 * @file What the decoders of block types share. Each type has a module of its own; its numbers are those of ggml's
 * reference (`dequantize_row_*`). A product of a half-float scale, an integer scale and a quantised value has at most 23
 * significant bits, and a difference of two such products fits f64: every result is rounded once, when it is stored as
 * f32, and every order of evaluation gives the same bits.
 */
import { f16Value } from '../half.ts';

/** Writes the values of the block that begins at `bytes[at]` to `out[to …]`. */
export type BlockDecoder = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

/** Value of the half float at `bytes[at]`. */
export function f16At(bytes: Uint8Array, at: number): number {
  return f16Value(bytes[at] | (bytes[at + 1] << 8));
}

/** The byte as a signed number. */
export function signed(byte: number): number {
  return (byte << 24) >> 24;
}
