/** @file Sets of code points, unpacked from the tables when they are first asked. */
import { CHINESE, COMBINING, CONTROL, NONSPACING, NUMERIC, PUNCTUATION, SCRIPTS, WORD } from './tables.ts';

const CODE_SPACE = 0x110000;

export type CodePointTest = (code: number) => boolean;

/** First and last code point of each range of a packed table. */
export function unpackRanges(packed: string): [number, number][] {
  const ranges: [number, number][] = [];
  let last = 0;
  for (const word of packed.split(' ')) {
    const [gap, length] = word.split(',').map((digits) => Number.parseInt(digits, 36));
    const first = last + gap!;
    last = first + length!;
    ranges.push([first, last]);
  }
  return ranges;
}

/** Whether a code point is in a packed table: one bit for each, filled at the first question. */
function inTable(packed: string): CodePointTest {
  let bits: Uint8Array | undefined;
  return (code) => {
    if (!bits) {
      bits = new Uint8Array(CODE_SPACE >> 3);
      for (const [first, last] of unpackRanges(packed)) {
        for (let each = first; each <= last; each++) bits[each >> 3]! |= 1 << (each & 7);
      }
    }
    return (bits[code >> 3]! & (1 << (code & 7))) !== 0;
  };
}

/** A class of characters for a regular expression with the flag `v` or `u`. */
export function classOf(packed: string): string {
  const hex = (code: number) => `\\u{${code.toString(16)}}`;
  return `[${unpackRanges(packed)
    .map(([first, last]) => `${hex(first)}-${hex(last)}`)
    .join('')}]`;
}

export const isNumeric = inTable(NUMERIC);
export const isPunctuation = inTable(PUNCTUATION);
export const isWord = inTable(WORD);
export const isCombining = inTable(COMBINING);
export const isNonspacing = inTable(NONSPACING);
export const isControl = inTable(CONTROL);
export const isChinese = inTable(CHINESE);

/** Unicode's White_Space, as Rust's char::is_whitespace. */
export function isSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 9 && code <= 13);
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  if (code <= 0x200a) return code >= 0x2000 || code === 0x1680;
  return code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f || code === 0x3000;
}

/** Script of a code point: a number without a meaning of its own; 0 goes with any script. */
export const scriptOf: (code: number) => number = (() => {
  let scripts: Uint8Array | undefined;
  return (code: number) => {
    if (!scripts) {
      scripts = new Uint8Array(CODE_SPACE);
      let start = 0;
      for (const run of SCRIPTS.split(' ')) {
        const [length, script] = run.split('.').map((digits) => Number.parseInt(digits, 36));
        // The first run is counted from 0 to its last code point.
        const end = start === 0 ? length! + 1 : start + length!;
        scripts.fill(script!, start, end);
        start = end;
      }
    }
    return scripts[code]!;
  };
})();

/** UTF-16 units of a code point. */
export const unitsOf = (code: number): number => (code > 0xffff ? 2 : 1);
