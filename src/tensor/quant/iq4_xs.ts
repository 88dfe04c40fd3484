/**
 * @file IQ4_XS: `f16 d; u16 scales_h; u8 scales_l[4]; u8 qs[128]`: value = d·(scale − 32)·LEVELS[q], a 6-bit scale for a run
 * of 32 values. Run r has its four low bits in a nibble of scales_l (the high one where r is odd), its two high bits at bit
 * 2r of scales_h, and its values in bytes 16r … 16r + 15, as in IQ4_NL.
 */
import { type BlockDecoder, f16At } from './block_decoder.ts';
import { IQ4_NL_LEVELS } from './iq4_nl.ts';

export const decodeIQ4_XS: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  const highs = bytes[at + 2] | (bytes[at + 3] << 8);
  for (let run = 0; run < 8; run++) {
    const low = (bytes[at + 4 + (run >> 1)] >> (4 * (run & 1))) & 15;
    const scale = d * ((low | (((highs >> (2 * run)) & 3) << 4)) - 32);
    const from = at + 8 + 16 * run;
    for (let j = 0; j < 16; j++) {
      const q = bytes[from + j];
      out[to + 32 * run + j] = scale * IQ4_NL_LEVELS[q & 15];
      out[to + 32 * run + j + 16] = scale * IQ4_NL_LEVELS[q >> 4];
    }
  }
};
