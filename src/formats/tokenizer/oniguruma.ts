/**
 * @file Regular expressions in Oniguruma's language (the Rust library uses Oniguruma 6.9 with Unicode 16), as
 * JavaScript's. oniguruma-to-es translates possessive and atomic parts, classes, anchors and options; what it leaves
 * different is mended here (`\w`, characters newer than Unicode 16) or refused by name.
 */
import { toRegExpDetails } from 'oniguruma-to-es';
import { WhittleError } from '../../errors/errors.ts';
import type { Part } from './parts.ts';
import type { Finder } from './piece.ts';
import { classOf, unitsOf } from './unicode/code_points.ts';
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
    const masked = maskUnassigned(text);
    let from = 0;
    let open = 0;
    let lastEnd = -1;
    while (from <= masked.length) {
      expression.lastIndex = from;
      const found = search(expression, masked, part);
      if (!found) break;
      const start = found.index;
      const end = start + found[0].length;
      // An empty match right after a match is passed over, by a character.
      if (start === end && lastEnd === end) {
        if (end >= masked.length) break;
        from = end + unitsOf(masked.codePointAt(end)!);
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

function translate(pattern: string, part: Part): RegExp {
  const refuse = (why: string) =>
    part.refuse(`The regular expression ${JSON.stringify(shortened(pattern))} is not supported: ${why}.`, 'pattern');
  const unsupported = unlikeOniguruma(pattern);
  if (unsupported !== undefined) throw refuse(unsupported);
  let details: ReturnType<typeof toRegExpDetails>;
  try {
    details = toRegExpDetails(withWords(pattern), { accuracy: 'strict', global: true, target: 'ES2024' });
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause));
  }
  if (details.options?.strategy) throw refuse('\\G at the start of a search');
  // Oniguruma's (?i) leaves properties alone; with JavaScript's flag \p{Lu} would match small letters.
  if (details.flags.includes('i') && /\\[pP]\{(?:Lu|Ll|Lt|Upper|Lower|Title)/i.test(details.pattern)) {
    throw refuse('(?i) over \\p{Lu} and the like');
  }
  try {
    return new RegExp(details.pattern, details.flags);
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message.replace(/^.*?: /, '') : String(cause));
  }
}

/** What (?i) of Oniguruma also finds as another number of characters: ss as ß, fi as ﬁ, ß as ss. */
const FOLDED_IN_SEVERAL =
  /ss|st|ff|fi|fl|[sf][+*?{]|[\u00df\u0130\u0149\u01f0\u0300-\u036f\u0390\u03b0\u0587\u1e96-\u1e9e\u1f50-\u1ffc\ufb00-\ufb17]/i;

function unlikeOniguruma(pattern: string): string | undefined {
  if (
    /\(\?[a-z]*i[a-z]*(?:-[a-z]*)?[:)]/.test(pattern) &&
    FOLDED_IN_SEVERAL.test(pattern.replace(/\\[pP]\{[^}]*\}|\\./gs, ' '))
  ) {
    return '(?i) over letters that fold into several';
  }
  if (/\\[pP]\{\^?\s*(?:Extended_?Pictographic|ExtPict|word\b(?!\}))/i.test(pattern))
    return 'a property that browsers know otherwise';
  if (/\(\?#|\(\?[a-z]*x/.test(pattern) && /\\[wWbB]|word/.test(pattern)) return 'comments beside \\w or \\b';
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

const UNASSIGNED_CLASS = new RegExp(classOf(UNASSIGNED), 'gu');

/** The text with what Unicode 16 did not know as non-characters of the same length: browsers know more. U+0295 was Ll then. */
function maskUnassigned(text: string): string {
  if (!/[^\0-\u0294]/.test(text)) return text;
  return text
    .replace(UNASSIGNED_CLASS, (found) => (found.length === 1 ? '\uffff' : '\u{10ffff}'))
    .replaceAll('\u0295', '\u0296');
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
