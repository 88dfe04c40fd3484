/** @file TQ2_0: `u8 qs[64]; f16 d`: value = d·(q − 1), two bits a value, which lie as in Q2_K. */
import { type BlockDecoder, f16At } from './block_decoder.ts';

export const decodeTQ2_0: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at + 64);
  for (let run = 0; run < 8; run++) {
    const shift = 2 * (run & 3);
    const from = at + 32 * (run >> 2);
    for (let j = 0; j < 32; j++) out[to + 32 * run + j] = d * (((bytes[from + j] >> shift) & 3) - 1);
  }
};
