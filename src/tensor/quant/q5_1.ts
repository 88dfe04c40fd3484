/** @file Q5_1: `f16 d; f16 m; u32 qh; u8 qs[16]`: value = d·q + m; bits lie as in Q5_0. */
import { type BlockDecoder, f16At } from './block_decoder.ts';

export const decodeQ5_1: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  const m = f16At(bytes, at + 2);
  for (let j = 0; j < 16; j++) {
    const q = bytes[at + 8 + j];
    const low = (bytes[at + 4 + (j >> 3)] >> (j & 7)) & 1;
    const high = (bytes[at + 6 + (j >> 3)] >> (j & 7)) & 1;
    out[to + j] = d * ((q & 15) | (low << 4)) + m;
    out[to + j + 16] = d * ((q >> 4) | (high << 4)) + m;
  }
};
