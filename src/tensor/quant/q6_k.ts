/**
 * @file Q6_K: `u8 ql[128]; u8 qh[64]; i8 scales[16]; f16 d`: value = d·scale·(q − 32), a scale for 16 values. In each half
 * of 128 values, value r has its low nibble in byte r mod 64 of the half's ql (the high nibble from r = 64 on) and its two
 * high bits in byte r mod 32 of the half's qh, at bit 2·⌊r/32⌋.
 */
import { type BlockDecoder, f16At, signed } from './block_decoder.ts';

export const decodeQ6_K: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at + 208);
  for (let group = 0; group < 16; group++) {
    const scale = d * signed(bytes[at + 192 + group]);
    const half = group >> 3;
    const run = (group >> 1) & 3;
    const low = at + 64 * half + 32 * (run & 1) + 16 * (group & 1);
    const high = at + 128 + 32 * half + 16 * (group & 1);
    for (let j = 0; j < 16; j++) {
      const nibble = (bytes[low + j] >> (4 * (run >> 1))) & 15;
      const two = (bytes[high + j] >> (2 * run)) & 3;
      out[to + 16 * group + j] = scale * ((nibble | (two << 4)) - 32);
    }
  }
};
