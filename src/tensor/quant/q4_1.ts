/** @file Q4_1: `f16 d; f16 m; u8 qs[16]`: value = d·q + m; nibbles lie as in Q4_0. */
import { type BlockDecoder, f16At } from './block_decoder.ts';

export const decodeQ4_1: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  const m = f16At(bytes, at + 2);
  for (let j = 0; j < 16; j++) {
    const q = bytes[at + 4 + j];
    out[to + j] = d * (q & 15) + m;
    out[to + j + 16] = d * (q >> 4) + m;
  }
};
