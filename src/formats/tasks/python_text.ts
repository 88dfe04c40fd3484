/** @file Python's text functions where JavaScript's do something else: scores follow from every character. */

/** What `str.strip` takes away and `str.isspace` means: not U+FEFF, but U+0085 and the separators U+001C … U+001F. */
const SPACE = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const LEADING = new RegExp(`^${SPACE}+`);
const TRAILING = new RegExp(`${SPACE}+$`);

/** `text.strip()`. */
export function strip(text: string): string {
  return text.replace(LEADING, '').replace(TRAILING, '');
}

/** Characters at the end that `text.rstrip()` takes away. */
export function trailingSpace(text: string): string {
  return TRAILING.exec(text)?.[0] ?? '';
}

/** `text.capitalize()`: the first character in upper case, all others in lower case. */
export function capitalize(text: string): string {
  const [first = ''] = text;
  return titleCase(first) + lowerBehind(text, first);
}

/** Lower case of what follows; a final sigma is told by the letters before it, so the first one is there while it is done. */
function lowerBehind(text: string, first: string): string {
  const before = first.toLowerCase();
  return text.toLowerCase().slice(before.length);
}

const DIGRAPHS = new Map([...'ǄǇǊǱ'].map((upper, i) => [upper, 'ǅǈǋǲ'[i]]));

/** Digraphs and ligatures have a form of their own at the beginning of a word (Unicode's title case). */
function titleCase(character: string): string {
  const upper = character.toUpperCase();
  const digraph = DIGRAPHS.get(upper);
  if (digraph !== undefined) return digraph;
  const [head, ...tail] = upper;
  return tail.length > 0 && /[\u00df\ufb00-\ufb17]/.test(character) ? head + tail.join('').toLowerCase() : upper;
}

/** `len(text)`: code points. */
export function length(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
