/** @file IQ4_NL: `f16 d; u8 qs[16]`: value = d·LEVELS[q]; nibbles lie as in Q4_0. */
import { type BlockDecoder, f16At } from './block_decoder.ts';

/** ggml's `kvalues_iq4nl`. */
export const IQ4_NL_LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;

export const decodeIQ4_NL: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  for (let j = 0; j < 16; j++) {
    const q = bytes[at + 2 + j];
    out[to + j] = d * IQ4_NL_LEVELS[q & 15];
    out[to + j + 16] = d * IQ4_NL_LEVELS[q >> 4];
  }
};
