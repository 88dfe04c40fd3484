/** @file BertNormalizer: cleaning, spaces around Chinese characters, accents and capitals away, in this order. */
import type { Part } from '../parts.ts';
import type { Piece } from '../piece.ts';
import { isChinese, isControl, isNonspacing, isSpace } from '../unicode/code_points.ts';
import { filterCharacters, lowercase, mapLead, unicodeForm } from './characters.ts';

const NOT_A_TEXT = 0xfffd;

export function bertNormalizer(part: Part): (piece: Piece) => Piece {
  const clean = part.boolean('clean_text');
  const chinese = part.boolean('handle_chinese_chars');
  const lower = part.boolean('lowercase');
  // Left open, accents go where capitals go.
  const accents = part.boolean('strip_accents', lower);
  const decompose = unicodeForm('NFD');
  return (piece) => {
    let current = piece;
    if (clean) {
      const kept = filterCharacters(current, (code) => code !== 0 && code !== NOT_A_TEXT && !isControl(code));
      current = mapLead(kept, (text) => mapCharacters(text, isSpace, () => ' '));
    }
    if (chinese) current = mapLead(current, (text) => mapCharacters(text, isChinese, (found) => ` ${found} `));
    if (accents) current = filterCharacters(decompose(current), (code) => !isNonspacing(code));
    return lower ? mapLead(current, lowercase) : current;
  };
}

function mapCharacters(text: string, isWanted: (code: number) => boolean, map: (found: string) => string): string {
  const parts: string[] = [];
  let from = 0;
  let i = 0;
  for (const character of text) {
    const end = i + character.length;
    if (isWanted(character.codePointAt(0)!)) {
      parts.push(text.slice(from, i), map(character));
      from = end;
    }
    i = end;
  }
  return from === 0 ? text : parts.join('') + text.slice(from);
}
