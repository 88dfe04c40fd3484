/** @file Q1_0: `f16 d; u8 qs[16]`: value = d where bit j of the block is set, else −d; the lowest bit of a byte is the first. */
import { type BlockDecoder, f16At } from './block_decoder.ts';

export const decodeQ1_0: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  for (let j = 0; j < 128; j++) out[to + j] = (bytes[at + 2 + (j >> 3)] >> (j & 7)) & 1 ? d : -d;
};
