/** @file Pre-tokenizers: they cut a piece into pieces that the model tokenises one by one. The list is the allow-list. */
import { toByteCharacters } from './byte_level.ts';
import { onigurumaFinder } from './oniguruma.ts';
import type { Part } from './parts.ts';
import { characterFinder, patternFinder, runFinder } from './patterns.ts';
import { BEHAVIORS, type Behavior, cut, type Finder, inverted, type Piece, split } from './piece.ts';
import { isNumeric, isPunctuation, isSpace, isWord, scriptOf, unitsOf } from './unicode/code_points.ts';

/** Pieces of a piece, one after the other, as far as they are asked for. */
export type PreTokenizer = (piece: Piece) => Iterable<Piece>;

const PRE_TOKENIZERS: Readonly<Record<string, (part: Part) => PreTokenizer>> = {
  Sequence: (part) => sequence(part.parts('pretokenizers').map(buildPreTokenizer)),
  ByteLevel: byteLevel,
  Metaspace: metaspace,
  Split: splitter,
  Punctuation: (part) => cutting(characterFinder(isPunctuation), part.oneOf('behavior', BEHAVIORS, 'Isolated')),
  Digits: (part) => cutting(characterFinder(isNumeric), part.boolean('individual_digits') ? 'Isolated' : 'Contiguous'),
  Whitespace: () =>
    cutting(
      runFinder((code) => (isSpace(code) ? 0 : isWord(code) ? 1 : 2)),
      'Isolated',
      true,
    ),
  WhitespaceSplit: () => cutting(characterFinder(isSpace), 'Removed'),
  BertPreTokenizer: () =>
    sequence([cutting(characterFinder(isSpace), 'Removed'), cutting(characterFinder(isPunctuation), 'Isolated')]),
  CharDelimiterSplit: (part) => {
    const delimiter = part.character('delimiter').codePointAt(0);
    return cutting(
      characterFinder((code) => code === delimiter),
      'Removed',
    );
  },
  UnicodeScripts: () => unicodeScripts,
  FixedLength: fixedLength,
};

export function buildPreTokenizer(part: Part): PreTokenizer {
  const build = Object.hasOwn(PRE_TOKENIZERS, part.type) ? PRE_TOKENIZERS[part.type] : undefined;
  if (!build) throw part.unknown('pre-tokenizer', Object.keys(PRE_TOKENIZERS));
  return build(part);
}

function sequence(stages: readonly PreTokenizer[]): PreTokenizer {
  return stages.reduceRight<PreTokenizer>(
    (rest, stage) =>
      function* (piece) {
        for (const part of stage(piece)) yield* rest(part);
      },
    (piece) => [piece],
  );
}

/** `onlyMatches`: what lies between matches goes. */
function cutting(find: Finder, behavior: Behavior, onlyMatches = false): PreTokenizer {
  const wanted = onlyMatches ? inverted(find) : find;
  return (piece) => split(piece, wanted, onlyMatches ? 'Removed' : behavior);
}

function splitter(part: Part): PreTokenizer {
  const find = patternFinder(part);
  const behavior = part.oneOf('behavior', BEHAVIORS);
  return cutting(part.boolean('invert') ? inverted(find) : find, behavior);
}

/** The expression of GPT-2. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function byteLevel(part: Part): PreTokenizer {
  const addSpace = part.boolean('add_prefix_space');
  // It moves offsets only, but the library insists on it.
  part.boolean('trim_offsets');
  const find = part.boolean('use_regex', true) ? onigurumaFinder(GPT2, part) : undefined;
  return function* (piece) {
    const spaced = addSpace ? prepended(piece, ' ') : piece;
    for (const { text, lead } of find ? split(spaced, find, 'Isolated') : [spaced]) {
      yield { text: toByteCharacters(text), lead: lead === 0 ? 0 : toByteCharacters(text.slice(0, lead)).length };
    }
  };
}

function prepended(piece: Piece, prefix: string): Piece {
  if (piece.text.startsWith(prefix)) return piece;
  return { text: prefix + piece.text, lead: piece.lead === 0 ? 0 : piece.lead + prefix.length };
}

function metaspace(part: Part): PreTokenizer {
  const replacement = part.character('replacement');
  const scheme = part.oneOf('prepend_scheme', ['always', 'first', 'never'], 'always');
  // Older files say only whether a prefix is added; the library refuses where the two disagree.
  if (!part.boolean('add_prefix_space', true) && scheme !== 'never') throw part.wrong('add_prefix_space', 'true');
  const mark = replacement.codePointAt(0);
  const find = part.boolean('split', true) ? characterFinder((code) => code === mark) : undefined;
  return (piece) => {
    const marked = { text: piece.text.replaceAll(' ', replacement), lead: markedLead(piece, replacement) };
    const first = scheme === 'always' || (scheme === 'first' && piece.lead > 0);
    const whole = first ? prepended(marked, replacement) : marked;
    return find ? split(whole, find, 'MergedWithNext') : [whole];
  };
}

function markedLead({ text, lead }: Piece, replacement: string): number {
  return lead === 0 ? 0 : text.slice(0, lead).replaceAll(' ', replacement).length;
}

/** Cuts where the script changes; spaces go with any script, but those before the first letter are lost (as in Rust). */
function* unicodeScripts(piece: Piece): Generator<Piece> {
  let start = 0;
  let last = 0;
  for (let i = 0; i < piece.text.length; ) {
    const code = piece.text.codePointAt(i)!;
    const script = scriptOf(code);
    if (script !== 0 && script !== last) {
      if (last !== 0) yield cut(piece, start, i);
      start = i;
      last = script;
    }
    i += unitsOf(code);
  }
  if (last !== 0) yield cut(piece, start, piece.text.length);
}

function fixedLength(part: Part): PreTokenizer {
  const length = part.count('length', 5);
  if (length === 0) throw part.wrong('length', '1 or more');
  return function* (piece) {
    let start = 0;
    let count = 0;
    for (let i = 0; i < piece.text.length; ) {
      i += unitsOf(piece.text.codePointAt(i)!);
      if (++count === length || i >= piece.text.length) {
        yield cut(piece, start, i);
        start = i;
        count = 0;
      }
    }
  };
}
