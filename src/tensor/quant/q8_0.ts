/** @file Q8_0: `f16 d; i8 qs[32]`: value = d·q. */
import { type BlockDecoder, f16At, signed } from './block_decoder.ts';

export const decodeQ8_0: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at);
  for (let j = 0; j < 32; j++) out[to + j] = d * signed(bytes[at + 2 + j]);
};
