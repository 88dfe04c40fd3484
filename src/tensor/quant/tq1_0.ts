/**
 * @file TQ1_0: `u8 qs[48]; u8 qh[4]; f16 d`: value = d·(t − 1) of a ternary digit t. A byte is a fraction of 256 in base 3:
 * digit n is the whole part of 3·frac(3ⁿ·byte/256). Bytes 0 … 31 hold five digits each (digit n of all of them comes before
 * digit n + 1), so do bytes 32 … 47, and bytes 48 … 51 hold four.
 */
import { type BlockDecoder, f16At } from './block_decoder.ts';

/** First byte, bytes and digits of each run. */
const RUNS = [
  [0, 32, 5],
  [32, 16, 5],
  [48, 4, 4],
] as const;

export const decodeTQ1_0: BlockDecoder = (bytes, at, out, to) => {
  const d = f16At(bytes, at + 52);
  let next = to;
  for (const [first, count, digits] of RUNS) {
    for (let digit = 0, power = 1; digit < digits; digit++, power *= 3) {
      for (let j = 0; j < count; j++) {
        const fraction = (bytes[at + first + j] * power) & 255;
        out[next++] = d * (((fraction * 3) >> 8) - 1);
      }
    }
  }
};
