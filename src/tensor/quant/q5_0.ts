/** @file Q5_0: `f16 d; u32 qh; u8 qs[16]`: value = d·(q − 16); nibbles lie as in Q4_0, bit j of qh is the fifth of value j. */
import { type BlockDecoder, f16At } from './block_decoder.ts';

export const decodeQ5_0: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  for (let j = 0; j < 16; j++) {
    const q = bytes[at + 6 + j];
    const low = (bytes[at + 2 + (j >> 3)] >> (j & 7)) & 1;
    const high = (bytes[at + 4 + (j >> 3)] >> (j & 7)) & 1;
    out[to + j] = d * (((q & 15) | (low << 4)) - 16);
    out[to + j + 16] = d * (((q >> 4) | (high << 4)) - 16);
  }
};
