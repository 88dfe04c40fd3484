/** Codes without a gap in 32-bit words: what was packed bit by bit is read again, of any width, within a word and across two. */
import { expect, it } from 'vitest';
import { bitsOf, codeAt, wordsFor } from './bits.ts';

const WIDTHS = [1, 2, 3, 4, 5, 6, 7, 8] as const;

it.each(WIDTHS.flatMap((bits) => [1, 3].map((stride) => [bits, stride] as const)))(
  '%d bits, words %d apart',
  (bits, stride) => {
    const count = 96;
    const codes = Array.from({ length: count }, (_, i) => (2 ** bits - 1) & ((i * 37 + 11) ^ (i >> 2)));
    const length = wordsFor(count, bits);
    expect(length).toBe((count * bits) / 32);
    for (const first of [0, 2]) {
      // What lies between belongs to others: all ones.
      const words = new Int32Array(first + length * stride + 1).fill(-1);
      for (let word = 0; word < length; word++) {
        let value = 0;
        for (let bit = 0; bit < 32; bit++) {
          const at = word * 32 + bit;
          value |= ((codes[Math.floor(at / bits)] >> (at % bits)) & 1) << bit;
        }
        words[first + word * stride] = value;
      }
      expect(codes.map((_, i) => codeAt(words, first, stride, i, bits))).toEqual(codes);
    }
  },
);

it('counts words, and tells the width from them', () => {
  expect([wordsFor(0, 4), wordsFor(8, 4), wordsFor(9, 4), wordsFor(32, 3), wordsFor(33, 3)]).toEqual([0, 1, 2, 3, 4]);
  for (const bits of [2, 3, 4, 8]) expect(bitsOf(wordsFor(64, bits), 64, [2, 3, 4, 8])).toBe(bits);
  expect(bitsOf(7, 64, [2, 4, 8])).toBeUndefined();
});
