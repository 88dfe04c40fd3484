/**
 * @file Q2_K: `u8 scales[16]; u8 qs[64]; f16 d; f16 dmin`: value = d·(scale & 15)·q − dmin·(scale >> 4), a scale for 16
 * values. Values come in halves of 128, which are four runs of 32: run s of half h is bits 2s, 2s + 1 of bytes 32h … 32h + 31.
 */
import { type BlockDecoder, f16At } from './block_decoder.ts';

export const decodeQ2_K: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at + 80);
  const dmin = f16At(bytes, at + 82);
  for (let group = 0; group < 16; group++) {
    const scale = d * (bytes[at + group] & 15);
    const min = dmin * (bytes[at + group] >> 4);
    const shift = 2 * ((group >> 1) & 3);
    const from = at + 16 + 32 * (group >> 3) + 16 * (group & 1);
    for (let j = 0; j < 16; j++) out[to + 16 * group + j] = scale * ((bytes[from + j] >> shift) & 3) - min;
  }
};
