/**
 * @file Q3_K: `u8 hmask[32]; u8 qs[64]; u8 scales[12]; f16 d`: value = d·(scale − 32)·q, a 6-bit scale for 16 values. The
 * low two bits of q lie as in Q2_K; its third is bit `run` of hmask, counted over the eight runs of 32, and 4 is
 * subtracted where that bit is *not* set.
 */
import { type BlockDecoder, f16At } from './block_decoder.ts';

/** Scale of a group: four low bits in a nibble of bytes 0 … 7, two high bits in bytes 8 … 11. */
export function scaleOfGroup(bytes: Uint8Array, at: number, group: number): number {
  const low = (bytes[at + (group & 7)] >> (4 * (group >> 3))) & 15;
  const high = (bytes[at + 8 + (group & 3)] >> (2 * (group >> 2))) & 3;
  return (low | (high << 4)) - 32;
}

export const decodeQ3_K: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at + 108);
  for (let group = 0; group < 16; group++) {
    const scale = d * scaleOfGroup(bytes, at + 96, group);
    const shift = 2 * ((group >> 1) & 3);
    const run = group >> 1;
    const low = at + 32 + 32 * (group >> 3) + 16 * (group & 1);
    const high = at + 16 * (group & 1);
    for (let j = 0; j < 16; j++) {
      const unset = ~(bytes[high + j] >> run) & 1;
      out[to + 16 * group + j] = scale * (((bytes[low + j] >> shift) & 3) - 4 * unset);
    }
  }
};
