/**
 * @file MXFP4: `u8 e; u8 qs[16]`: value = 2^(e − 128)·LEVELS[q]; nibbles lie as in Q4_0. Source: OCP Microscaling Formats 1.0,
 * whose E2M1 numbers are twice as large here and their E8M0 scale half. e = 255, NaN there, is a power of two as in ggml.
 */
import type { BlockDecoder } from './block_decoder.ts';

/** E2M1 times two: a sign, two bits of exponent, one of fraction. */
export const FP4_LEVELS = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] as const;

export const decodeMXFP4: BlockDecoder = (bytes, at, out, to) => {
  const d = 2 ** (bytes[at] - 128);
  for (let j = 0; j < 16; j++) {
    const q = bytes[at + 1 + j];
    out[to + j] = d * FP4_LEVELS[q & 15];
    out[to + j + 16] = d * FP4_LEVELS[q >> 4];
  }
};
