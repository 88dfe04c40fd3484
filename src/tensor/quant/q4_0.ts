/** @file Q4_0: `f16 d; u8 qs[16]`: value = d·(q − 8); value j is a low nibble, value j + 16 the high one of the same byte. */
import { type BlockDecoder, f16At } from './block_decoder.ts';

export const decodeQ4_0: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  for (let j = 0; j < 16; j++) {
    const q = bytes[at + 2 + j];
    out[to + j] = d * ((q & 15) - 8);
    out[to + j + 16] = d * ((q >> 4) - 8);
  }
};
