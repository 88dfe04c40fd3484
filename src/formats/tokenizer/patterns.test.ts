/** Whatever a finder looks for: its spans are the text, from start to end, and no two of them could be one. */
import { describe, expect, it } from 'vitest';
import { parseJson } from '../json.ts';
import { onigurumaFinder } from './oniguruma.ts';
import { Part } from './parts.ts';
import { characterFinder, patternFinder, patternReplacer, runFinder } from './patterns.ts';
import type { Finder, Span } from './piece.ts';

const part = (pattern: unknown) =>
  new Part(
    parseJson(new TextEncoder().encode(JSON.stringify({ type: 'Split', pattern }))) as never,
    'pre_tokenizer',
    'tokenizer.json',
  );
const isVowel = (code: number) => 'aeiou'.includes(String.fromCodePoint(code));
const kindOf = (code: number) => (code > 0xffff ? 3 : code === 0x20 ? 0 : code < 0x61 ? 1 : 2);

const FINDERS: Record<string, { find: Finder; matches: (text: string) => string[] }> = {
  'a fixed text': { find: patternFinder(part({ String: 'ab' })), matches: (text) => text.match(/ab/g) ?? [] },
  'a fixed text of two units': {
    find: patternFinder(part({ String: '😀' })),
    matches: (text) => text.match(/😀/gu) ?? [],
  },
  'characters of a kind': { find: characterFinder(isVowel), matches: (text) => text.match(/[aeiou]/g) ?? [] },
  'runs of a kind': {
    find: runFinder(kindOf),
    matches: (text) => text.match(/[\u{10000}-\u{10ffff}]+|[a-z]+|[A-Z!]+/gu) ?? [],
  },
  'an expression': {
    find: onigurumaFinder('[ab]+', part({ Regex: '[ab]+' })),
    matches: (text) => text.match(/[ab]+/g) ?? [],
  },
};

/** Every text of up to four of these. */
function texts(): string[] {
  const letters = ['a', 'b', ' ', 'Z', '😀'];
  const all = [''];
  for (let start = 0, round = 0; round < 4; round++) {
    const end = all.length;
    for (let i = start; i < end; i++) for (const letter of letters) all.push(all[i] + letter);
    start = end;
  }
  return all;
}

describe.each(Object.entries(FINDERS))('%s', (_, { find, matches }) => {
  it('is found in every text, and the rest lies between', () => {
    for (const text of texts()) {
      const spans = [...find(text)];
      let end = 0;
      let last: Span | undefined;
      for (const span of spans) {
        expect(span.start, JSON.stringify(text)).toBe(end);
        expect(span.end, JSON.stringify(text)).toBeGreaterThan(span.start);
        if (!span.match) expect(last?.match ?? true, JSON.stringify(text)).toBe(true);
        end = span.end;
        last = span;
      }
      expect(end).toBe(text.length);
      expect(spans.filter(({ match }) => match).map((span) => text.slice(span.start, span.end))).toEqual(matches(text));
    }
  });
});

describe('an expression that may match nothing', () => {
  it('matches once between what it matches, and never inside a character', () => {
    const spans = [...onigurumaFinder('a*', part({ Regex: 'a*' }))('aa😀b')];
    expect(spans).toEqual([
      { start: 0, end: 2, match: true },
      { start: 2, end: 4, match: false },
      { start: 4, end: 4, match: true },
      { start: 4, end: 5, match: false },
      { start: 5, end: 5, match: true },
    ]);
  });

  it('is what an empty fixed text means', () => {
    expect([...patternFinder(part({ String: '' }))('xy')].filter(({ match }) => match)).toHaveLength(3);
    expect(patternReplacer(part({ String: '' }), '-')('xy')).toBe('-x-y-');
  });
});

it('replaces every match', () => {
  expect(patternReplacer(part({ String: 'ab' }), 'x')('abcabab')).toBe('xcxx');
  expect(patternReplacer(part({ Regex: '[ab]+' }), '')('abcabd')).toBe('cd');
});

it.each([{}, { String: 'a', Regex: 'b' }, { Other: 'a' }, { String: 3 }, 'a', null])(
  'refuses the pattern %j',
  (pattern) => {
    expect(() => patternFinder(part(pattern))).toThrow(expect.objectContaining({ code: expect.any(String) }));
  },
);
