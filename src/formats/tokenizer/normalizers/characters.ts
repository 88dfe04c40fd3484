/** @file What normalizers do to characters: Unicode's normal forms, small letters, leaving characters out. */
import type { Piece } from '../piece.ts';
import { type CodePointTest, classOf, unitsOf } from '../unicode/code_points.ts';
import { NOT_NORMALISED } from '../unicode/tables.ts';

/** Applies a mapping that works on each stretch by itself, so that the lead is what the lead becomes. */
export function mapLead({ text, lead }: Piece, map: (text: string) => string): Piece {
  return { text: map(text), lead: lead === 0 ? 0 : map(text.slice(0, lead)).length };
}

/** Rust takes each character's own small letter; JavaScript knows the word's end and writes a final sigma there. */
export function lowercase(text: string): string {
  if (!text.includes('Σ')) return text.toLowerCase();
  return text
    .split('Σ')
    .map((part) => part.toLowerCase())
    .join('σ');
}

export function filterCharacters({ text, lead }: Piece, keep: CodePointTest): Piece {
  const parts: string[] = [];
  let from = 0;
  let left = lead;
  for (let i = 0; i < text.length; ) {
    const code = text.codePointAt(i)!;
    const units = unitsOf(code);
    if (!keep(code)) {
      parts.push(text.slice(from, i));
      from = i + units;
      if (i < lead) left -= units;
    }
    i += units;
  }
  return from === 0 ? { text, lead } : { text: parts.join('') + text.slice(from), lead: left };
}

type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

const UNKNOWN = new RegExp(classOf(NOT_NORMALISED), 'u');
const UNKNOWN_RUNS = new RegExp(`(${classOf(NOT_NORMALISED)}+)`, 'u');

/** A normal form as the library's Unicode has it: what is newer stays as it is. */
export function normalForm(text: string, form: Form): string {
  if (!UNKNOWN.test(text)) return text.normalize(form);
  return text
    .split(UNKNOWN_RUNS)
    .map((part, i) => (i % 2 === 1 ? part : part.normalize(form)))
    .join('');
}

export function unicodeForm(form: Form): (piece: Piece) => Piece {
  return ({ text, lead }) => {
    const normal = normalForm(text, form);
    if (lead === 0) return { text: normal, lead };
    // As many characters as the first becomes by itself; what it is composed with stays part of the first of them.
    let units = 0;
    for (const _ of normalForm(text.slice(0, lead), form)) {
      if (units < normal.length) units += unitsOf(normal.codePointAt(units)!);
    }
    return { text: normal, lead: units };
  };
}
