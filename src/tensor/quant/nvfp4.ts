/**
 * @file NVFP4: `u8 scales[4]; u8 qs[32]`: value = scale/2·LEVELS[q], a scale for 16 values: E4M3 without a sign. The low nibbles
 * of eight bytes are values 0 … 7 of a run of 16, the high ones 8 … 15.
 */
import type { BlockDecoder } from './block_decoder.ts';
import { FP4_LEVELS } from './mxfp4.ts';

export const decodeNVFP4: BlockDecoder = (bytes, at, out, to) => {
  for (let run = 0; run < 4; run++) {
    const scale = halfScale(bytes[at + run]);
    const from = at + 4 + 8 * run;
    for (let j = 0; j < 8; j++) {
      const q = bytes[from + j];
      out[to + 16 * run + j] = scale * FP4_LEVELS[q & 15];
      out[to + 16 * run + j + 8] = scale * FP4_LEVELS[q >> 4];
    }
  }
};

/** Half of an E4M3 number (bias 7) whose sign is not looked at; 0x7f, its NaN, is zero as in ggml. */
function halfScale(byte: number): number {
  const exponent = (byte >> 3) & 15;
  const fraction = byte & 7;
  if (byte === 0x7f) return 0;
  return exponent === 0 ? fraction * 2 ** -10 : (8 + fraction) * 2 ** (exponent - 11);
}
