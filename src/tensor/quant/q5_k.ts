/**
 * @file Q5_K: `f16 d; f16 dmin; u8 scales[12]; u8 qh[32]; u8 qs[128]`: value = d·scale·q − dmin·minimum. Nibbles lie as in
 * Q4_K; the fifth bit of value j of a run is bit `run` of qh[j].
 */
import { type BlockDecoder, f16At } from './block_decoder.ts';
import { minimumOfRun, scaleOfRun } from './k_scales.ts';

export const decodeQ5_K: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  const dmin = f16At(bytes, at + 2);
  for (let run = 0; run < 8; run++) {
    const scale = d * scaleOfRun(bytes, at + 4, run);
    const min = dmin * minimumOfRun(bytes, at + 4, run);
    const shift = 4 * (run & 1);
    const from = at + 48 + 32 * (run >> 1);
    for (let j = 0; j < 32; j++) {
      const fifth = (bytes[at + 16 + j] >> run) & 1;
      out[to + 32 * run + j] = scale * (((bytes[from + j] >> shift) & 15) | (fifth << 4)) - min;
    }
  }
};
