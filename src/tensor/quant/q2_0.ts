/**
 * @file Q2_0: `f16 d; u8 qs[16]`: value = d·(q − 1), two bits a value, the lowest of a byte first: 64 values a block. Files of
 * PrismML's tools have blocks of 128 under the same number, {@link decodeQ2_0_G128}.
 */
import { type BlockDecoder, f16At } from './block_decoder.ts';

const decoder =
  (elements: number): BlockDecoder =>
  (bytes, at, out, to) => {
    const d = f16At(bytes, at);
    for (let j = 0; j < elements; j++) out[to + j] = d * (((bytes[at + 2 + (j >> 2)] >> (2 * (j & 3))) & 3) - 1);
  };

export const decodeQ2_0 = decoder(64);
export const decodeQ2_0_G128 = decoder(128);
