/** @file Normalizers: a piece of the text into the text that is cut and tokenised. The list here is the allow-list. */

import { toByteCharacters } from '../byte_level.ts';
import type { Part } from '../parts.ts';
import { patternFinder, patternReplacer } from '../patterns.ts';
import type { Piece } from '../piece.ts';
import { isCombining, isSpace } from '../unicode/code_points.ts';
import { bertNormalizer } from './bert.ts';
import { filterCharacters, lowercase, mapLead, unicodeForm } from './characters.ts';
import { precompiledNormalizer } from './precompiled.ts';

export type Normalizer = (piece: Piece) => Piece;

/** What each type needs, by its name in tokenizer.json. */
const NORMALIZERS: Readonly<Record<string, (part: Part) => Normalizer>> = {
  Sequence: (part) => sequence(part.parts('normalizers').map(buildNormalizer)),
  NFC: () => unicodeForm('NFC'),
  NFD: () => unicodeForm('NFD'),
  NFKC: () => unicodeForm('NFKC'),
  NFKD: () => unicodeForm('NFKD'),
  Lowercase: () => (piece) => mapLead(piece, lowercase),
  Strip: stripNormalizer,
  StripAccents: () => (piece) => filterCharacters(piece, (code) => !isCombining(code)),
  Nmt: () => nmt,
  BertNormalizer: bertNormalizer,
  Precompiled: precompiledNormalizer,
  Replace: replaceNormalizer,
  Prepend: prependNormalizer,
  ByteLevel: () => (piece) => mapLead(piece, toByteCharacters),
};

export function buildNormalizer(part: Part): Normalizer {
  const build = Object.hasOwn(NORMALIZERS, part.type) ? NORMALIZERS[part.type] : undefined;
  if (!build) throw part.unknown('normalizer', Object.keys(NORMALIZERS));
  return build(part);
}

function sequence(normalizers: readonly Normalizer[]): Normalizer {
  return (piece) => normalizers.reduce((current, normalize) => normalize(current), piece);
}

function stripNormalizer(part: Part): Normalizer {
  const left = part.boolean('strip_left');
  const right = part.boolean('strip_right');
  return ({ text, lead }) => {
    let start = 0;
    let end = text.length;
    // White space has one unit each.
    if (left) while (start < end && isSpace(text.charCodeAt(start))) start++;
    if (right) while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
    return { text: text.slice(start, end), lead: Math.max(0, lead - start) };
  };
}

function replaceNormalizer(part: Part): Normalizer {
  const find = patternFinder(part);
  const content = part.string('content');
  const replace = patternReplacer(part, content);
  return (piece) => {
    const text = replace(piece.text);
    const lead = piece.lead === 0 ? 0 : leadAfterReplace(piece, find, content);
    return { text, lead };
  };
}

/** Content that replaces the start still belongs to the first character. */
function leadAfterReplace({ text, lead }: Piece, find: ReturnType<typeof patternFinder>, content: string): number {
  let before = 0;
  for (const { start, end, match } of find(text)) {
    if (match ? start > 0 && start >= lead : start >= lead) break;
    before += match ? content.length : Math.min(end, lead) - start;
  }
  return before;
}

function prependNormalizer(part: Part): Normalizer {
  const prefix = part.string('prepend');
  return ({ text, lead }) => {
    if (text === '') return { text, lead };
    return { text: prefix + text, lead: lead === 0 ? 0 : lead + prefix.length };
  };
}

/** The rules of SentencePiece's nmt: controls go, every kind of space is a space. */
function nmt(piece: Piece): Piece {
  const kept = filterCharacters(
    piece,
    (code) =>
      !((code >= 1 && code <= 8) || code === 0xb || (code >= 0xe && code <= 0x1f) || [0x7f, 0x8f, 0x9f].includes(code)),
  );
  return mapLead(kept, (text) => text.replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, ' '));
}
