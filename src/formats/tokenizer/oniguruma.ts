/**
 * @file Regular expressions in Oniguruma's language (the Rust library uses Oniguruma 6.9 with Unicode 16), as
 * JavaScript's. oniguruma-to-es translates possessive and atomic parts, classes, anchors and options; what it leaves
 * different is mended here (`\w`, characters newer than Unicode 16) or refused by name.
 */
import { toRegExpDetails } from 'oniguruma-to-es';
import { WhittleError } from '../../errors/errors.ts';
import { differentRepeat } from './empty_repeats.ts';
import type { Part } from './parts.ts';
import type { Finder } from './piece.ts';
import { unitsOf, unpackRanges } from './unicode/code_points.ts';
import { UNASSIGNED } from './unicode/tables.ts';

/** Oniguruma takes `\w` from a table of its own below U+0100, but not inside a class: there ² is no word character. */
const WORD_IN_CLASS = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}';
const WORD = `${WORD_IN_CLASS}²³¹¼½¾`;
const BOUNDARY = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
const NO_BOUNDARY = `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`;

/** `part` is for messages; a regular expression that cannot be translated exactly is refused. */
export function onigurumaFinder(pattern: string, part: Part): Finder {
  const expression = translate(pattern, part);
  return function* (text) {
    let from = 0;
    let open = 0;
    let lastEnd = -1;
    while (from <= text.length) {
      expression.lastIndex = from;
      const found = search(expression, text, part);
      if (!found) break;
      const start = found.index;
      const end = start + found[0].length;
      if (start === end && isInsideCharacter(text, start)) {
        from = start + 1;
        continue;
      }
      // An empty match right after a match is passed over, by a character.
      if (start === end && lastEnd === end) {
        if (end >= text.length) break;
        from = end + unitsOf(text.codePointAt(end)!);
        continue;
      }
      from = end;
      lastEnd = end;
      if (open < start) yield { start: open, end: start, match: false };
      yield { start, end, match: true };
      open = end;
    }
    if (open < text.length) yield { start: open, end: text.length, match: false };
  };
}

/** V8 finds empty matches between the halves of a character, too. */
function isInsideCharacter(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return at > 0 && unit >= 0xdc00 && unit < 0xe000 && text.codePointAt(at - 1)! > 0xffff;
}

function translate(pattern: string, part: Part): RegExp {
  const refuse = (why: string) =>
    part.refuse(`The regular expression ${JSON.stringify(shortened(pattern))} is not supported: ${why}.`, 'pattern');
  const unsupported = unlikeOniguruma(pattern);
  if (unsupported !== undefined) throw refuse(unsupported);
  try {
    const different = differentRepeat(pattern);
    if (different !== undefined) throw new Error(different);
    // With an alternative that never matches but has a case, (?i) is written out letter by letter: JavaScript's flag
    // would take hold of properties, too, and let \p{L} match U+0345.
    const {
      pattern: source,
      flags,
      options,
    } = toRegExpDetails(`(?:${withWords(pattern)})|(?!)a`, {
      accuracy: 'strict',
      global: true,
      target: 'ES2024',
    });
    if (options?.strategy || flags.includes('y') || flags.includes('i')) throw new Error('\\G or (?i)');
    return new RegExp(asOfUnicode16(source), flags);
  } catch (cause) {
    throw refuse(
      cause instanceof Error ? cause.message.replace(/^Invalid regular expression: .*?: |\.$/g, '') : String(cause),
    );
  }
}

/** What (?i) of Oniguruma also finds as another number of characters: ss as ß, fi as ﬁ, ß as ss. */
const FOLDED_IN_SEVERAL =
  /ss|st|ff|fi|fl|[sf][+*?{]|\p{M}|[\u00df\u0130\u0149\u01f0\u0390\u03b0\u0587\u1e96-\u1e9e\u1f50-\u1ffc\ufb00-\ufb17]/iu;

/** The parts of an expression in which (?i) is on; all of it, where that is not plain to see. */
function caseless(pattern: string): string[] {
  const bare = pattern.replace(/\\(?:[pPx]\{[^}]*\}|u[0-9a-f]{4}|.)/gis, ' ');
  const groups = [...bare.matchAll(/\(\?i:([^()]*)\)/g)].map(([, content]) => content!);
  const rest = bare.replace(/\(\?i:[^()]*\)/g, '');
  return /\(\?[a-z]*i[a-z]*(?:-[a-z]*)?[:)]/.test(rest) ? [bare] : groups;
}

function unlikeOniguruma(pattern: string): string | undefined {
  const isFolded = (part: string) =>
    FOLDED_IN_SEVERAL.test(part) || FOLDED_IN_SEVERAL.test(part.replace(/\(\?:|[()]/g, ''));
  if (caseless(pattern).some(isFolded)) return '(?i) over letters that fold into several';
  if (/\\[pP]\{\^?\s*(?:Extended_?Pictographic|ExtPict)/i.test(pattern))
    return 'a property that browsers know otherwise';
  if (/\(\?#|\(\?[a-z]*x/.test(pattern)) return 'comments in it';
  return undefined;
}

/** `\w`, `\W`, `\b`, `\B` and `\p{word}` written out as Oniguruma takes them, inside and outside of classes. */
function withWords(pattern: string): string {
  let depth = 0;
  return pattern.replace(/\\[pP]\{\^?\s*word\s*\}|\\.|\[:\^?\w+:\]|[[\]]/gis, (token) => {
    if (token === '[') depth++;
    else if (token === ']') depth = Math.max(0, depth - 1);
    else if (token === '\\w') return depth > 0 ? WORD_IN_CLASS : `[${WORD}]`;
    else if (token === '\\W') return `[^${depth > 0 ? WORD_IN_CLASS : WORD}]`;
    else if (depth === 0 && token === '\\b') return BOUNDARY;
    else if (depth === 0 && token === '\\B') return NO_BOUNDARY;
    else if (depth === 0 && /^\\p\{/i.test(token)) {
      const negated = token.startsWith('\\P') !== token.includes('^');
      return `[${negated ? '^' : ''}${WORD}]`;
    }
    return token;
  });
}

/** Letters whose category changed in Unicode 17. */
const MOVED = { from: 'Lo', to: 'Ll', characters: '\\u{295}' };

/** Properties without what Unicode 16 did not know, in a translated expression: browsers know more. */
function asOfUnicode16(source: string): string {
  return source.replace(/\\([pP])\{([^}]+)\}|\[\^\]|\\./gs, (token, kind?: string, property?: string) => {
    // V8's [^]+ with the flag v matches one character only.
    if (token === '[^]') return '[\\0-\\u{10ffff}]';
    if (property === undefined || property === 'Any' || property === 'ASCII') return token;
    if (/^(?:C|Other|Cn|Unassigned)$/.test(property)) return `[${kind === 'p' ? '' : '^'}\\p{${property}}${newer()}]`;
    const gained = property === MOVED.to ? MOVED.characters : '';
    const lost = property === MOVED.from ? MOVED.characters : '';
    const known = `[[\\p{${property}}${gained}]--[${newer()}${lost}]]`;
    return kind === 'p' ? known : `[^${known}]`;
  });
}

/** Ranges that the browser knows and Unicode 16 did not, for a class. */
const newer = (() => {
  let ranges: string | undefined;
  return () => {
    ranges ??= newerRanges();
    return ranges;
  };
})();

/** Planes above have no characters but tags, selectors and private ones, all of them old. */
const LAST_PLANE_IN_USE = 0x3ffff;

function newerRanges(): string {
  const unassigned = /^\p{Cn}$/u;
  let ranges = '';
  for (const [first, last] of unpackRanges(UNASSIGNED)) {
    let open = -1;
    const end = Math.min(last, LAST_PLANE_IN_USE) + 1;
    for (let code = first; code <= end; code++) {
      const isNewer = code < end && !unassigned.test(String.fromCodePoint(code));
      if (isNewer && open < 0) open = code;
      if (isNewer || open < 0) continue;
      ranges += `\\u{${open.toString(16)}}-\\u{${(code - 1).toString(16)}}`;
      open = -1;
    }
  }
  // A class must not be empty; this one is nobody's character.
  return ranges === '' ? '\\uffff' : ranges;
}

function search(expression: RegExp, text: string, part: Part): RegExpExecArray | null {
  try {
    return expression.exec(text);
  } catch (cause) {
    throw new WhittleError(
      {
        code: 'bad_text',
        message: `The tokenizer's regular expression ran out of memory in a text of ${text.length} characters.`,
        place: { file: part.file, field: part.field },
        action:
          'Use a text with shorter lines: a stretch of millions of characters without a break is too much for it.',
      },
      { cause },
    );
  }
}

function shortened(pattern: string): string {
  return pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern;
}
