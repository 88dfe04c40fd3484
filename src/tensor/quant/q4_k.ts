/**
 * @file Q4_K: `f16 d; f16 dmin; u8 scales[12]; u8 qs[128]`: value = d·scale·q − dmin·minimum. Runs 2c and 2c + 1 of 32
 * values are the low and high nibbles of bytes 32c … 32c + 31.
 */
import { type BlockDecoder, f16At } from './block_decoder.ts';
import { minimumOfRun, scaleOfRun } from './k_scales.ts';

export const decodeQ4_K: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  const dmin = f16At(bytes, at + 2);
  for (let run = 0; run < 8; run++) {
    const scale = d * scaleOfRun(bytes, at + 4, run);
    const min = dmin * minimumOfRun(bytes, at + 4, run);
    const shift = 4 * (run & 1);
    const from = at + 16 + 32 * (run >> 1);
    for (let j = 0; j < 32; j++) out[to + 32 * run + j] = scale * ((bytes[from + j] >> shift) & 15) - min;
  }
};
