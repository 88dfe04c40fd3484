/** Sets of characters against the properties that JavaScript knows of them. */
import { describe, expect, it } from 'vitest';
import {
  classOf,
  isCombining,
  isControl,
  isNonspacing,
  isNumeric,
  isSpace,
  scriptOf,
  unitsOf,
  unpackRanges,
} from './code_points.ts';
import { NUMERIC, UNASSIGNED } from './tables.ts';

const LAST = 0x10ffff;
/** Characters that Unicode 16 did not know: JavaScript may. */
const NEWER = unpackRanges(UNASSIGNED);
const isKnown = (code: number) => !NEWER.some(([first, last]) => code >= first && code <= last);

/** Some tables are of an older Unicode, as the crates of the Rust library have them: complete up to a character only. */
const MOVED_SINCE: readonly number[] = [0x1734, 0x1cf2, 0x1cf3, 0x1171e];
describe.each<[string, (code: number) => boolean, RegExp, number]>([
  ['space', isSpace, /\p{White_Space}/u, LAST],
  ['numeric', isNumeric, /\p{N}/u, LAST],
  ['combining', isCombining, /\p{M}/u, 0x7fc],
  ['nonspacing', isNonspacing, /\p{Mn}/u, 0x7fc],
])('%s', (_, test, property, complete) => {
  it('is what the property says', () => {
    const wrong: string[] = [];
    for (let code = 0; code <= LAST; code++) {
      const [found, wanted] = [test(code), property.test(String.fromCodePoint(code))];
      const isWrong = found ? !wanted : wanted && code <= complete;
      if (isWrong && isKnown(code) && !MOVED_SINCE.includes(code)) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });
});

it('takes control characters but not line ends and tabs', () => {
  expect([0, 0x1f, 0x7f, 0x9f, 0xad, 0x200b].map(isControl)).toEqual([true, true, true, true, true, true]);
  expect([0x41, 0x3042, 0x1f600].map(isControl)).toEqual([false, false, false]);
});

it('unpacks first and last of each range, and writes them as a class', () => {
  expect(unpackRanges('1,0 2,3 z,z')).toEqual([
    [1, 1],
    [3, 6],
    [41, 76],
  ]);
  const expression = new RegExp(`^${classOf(NUMERIC)}$`, 'u');
  for (const code of [0x30, 0x39, 0xb2, 0x660, 0x1d7ff]) expect(expression.test(String.fromCodePoint(code))).toBe(true);
  for (const code of [0x2f, 0x3a, 0x41]) expect(expression.test(String.fromCodePoint(code))).toBe(false);
});

it('tells scripts apart, to the last character of each', () => {
  const script = (text: string) => scriptOf(text.codePointAt(0)!);
  expect(new Set(['a', 'Z', 'é'].map(script)).size).toBe(1);
  expect(new Set(['а', 'Я', 'ё'].map(script)).size).toBe(1);
  expect(new Set(['a', 'а', 'α', 'あ', '漢', '가', 'ا'].map(script)).size).toBeGreaterThanOrEqual(6);
  expect(script(' ')).toBe(0);
  expect(new Set([0, 0x40, 0x5b].map(scriptOf)).size).toBe(1);
  expect(scriptOf(0x40)).not.toBe(scriptOf(0x41));
  expect(scriptOf(0x41)).toBe(scriptOf(0x5a));
});

it('counts units', () => expect([0, 0xffff, 0x10000, LAST].map(unitsOf)).toEqual([1, 1, 2, 2]));
