/** @file Finders: characters of a kind, a fixed text, or a regular expression in Oniguruma's language. */
import type { JsonObject } from '../json.ts';
import { onigurumaFinder } from './oniguruma.ts';
import type { Part } from './parts.ts';
import type { Finder } from './piece.ts';
import { type CodePointTest, unitsOf } from './unicode/code_points.ts';

/** `{"String": …}` or `{"Regex": …}`. */
export function patternFinder(part: Part): Finder {
  const { kind, text } = patternOf(part);
  return kind === 'String' && text !== '' ? literalFinder(text) : onigurumaFinder(text, part);
}

/** A text with every match of the part's pattern replaced by fixed content. */
export function patternReplacer(part: Part, content: string): (text: string) => string {
  const { kind, text: literal } = patternOf(part);
  if (kind === 'String' && literal !== '') return (text) => text.split(literal).join(content);
  const find = onigurumaFinder(literal, part);
  return (text) => {
    const parts: string[] = [];
    for (const { start, end, match } of find(text)) parts.push(match ? content : text.slice(start, end));
    return parts.join('');
  };
}

function patternOf(part: Part): { kind: 'String' | 'Regex'; text: string } {
  const pattern = part.options.get('pattern');
  const [kind, text] = pattern instanceof Map && pattern.size === 1 ? [...(pattern satisfies JsonObject)][0]! : [];
  if (typeof text === 'string' && (kind === 'String' || kind === 'Regex')) return { kind, text };
  throw part.wrong('pattern', '{"String": …} or {"Regex": …}');
}

/** Each character of the kind is a match by itself. */
export function characterFinder(isMatch: CodePointTest): Finder {
  return function* (text) {
    let open = 0;
    for (let i = 0; i < text.length; ) {
      const code = text.codePointAt(i)!;
      const end = i + unitsOf(code);
      if (isMatch(code)) {
        if (open < i) yield { start: open, end: i, match: false };
        yield { start: i, end, match: true };
        open = end;
      }
      i = end;
    }
    if (open < text.length) yield { start: open, end: text.length, match: false };
  };
}

/** Runs of equal kind are matches, but for kind 0, which lies between them. */
export function runFinder(kindOf: (code: number) => number): Finder {
  return function* (text) {
    let start = 0;
    let kind = -1;
    for (let i = 0; i < text.length; ) {
      const code = text.codePointAt(i)!;
      const own = kindOf(code);
      if (own !== kind) {
        if (start < i) yield { start, end: i, match: kind !== 0 };
        start = i;
        kind = own;
      }
      i += unitsOf(code);
    }
    if (start < text.length) yield { start, end: text.length, match: kind !== 0 };
  };
}

function literalFinder(literal: string): Finder {
  return function* (text) {
    let open = 0;
    for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, open)) {
      if (open < at) yield { start: open, end: at, match: false };
      open = at + literal.length;
      yield { start: at, end: open, match: true };
    }
    if (open < text.length) yield { start: open, end: text.length, match: false };
  };
}
