/** @file Codes of any number of bits in 32-bit words, without a gap: code i takes bits i·b … (i + 1)·b, lowest first. */

/** Code `i` of a run of words `stride` apart from `first` on. */
export function codeAt(words: Int32Array, first: number, stride: number, i: number, bits: number): number {
  const at = i * bits;
  const word = first + (at >>> 5) * stride;
  const shift = at & 31;
  let code = words[word] >>> shift;
  if (shift + bits > 32) code |= words[word + stride] << (32 - shift);
  return code & (2 ** bits - 1);
}

/** Words that hold `count` codes. */
export function wordsFor(count: number, bits: number): number {
  return Math.ceil((count * bits) / 32);
}

/** How many bits give `words` words for `count` codes; undefined where none of the choices does. */
export function bitsOf(words: number, count: number, choices: readonly number[]): number | undefined {
  return choices.find((bits) => wordsFor(count, bits) === words);
}
