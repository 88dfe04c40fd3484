/** @file Decoders: tokens back to text. */
import { bytesOfToken } from './byte_level.ts';
import type { Part } from './parts.ts';
import { patternReplacer } from './patterns.ts';

/** A list of tokens into a list of texts, which joined are the text. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

const DECODERS: Readonly<Record<string, (part: Part) => Decoder>> = {
  Sequence: (part) => {
    const stages = part.parts('decoders').map(buildDecoder);
    return (tokens) => stages.reduce((current, decode) => decode(current), tokens);
  },
  ByteLevel: () => byteLevel,
  ByteFallback: () => byteFallback,
  Fuse: () => (tokens) => [tokens.join('')],
  Metaspace: metaspace,
  Replace: (part) => {
    const replace = patternReplacer(part, part.string('content'));
    return (tokens) => tokens.map(replace);
  },
  Strip: strip,
  BPEDecoder: (part) => {
    const suffix = part.string('suffix');
    return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
  },
  WordPiece: wordPiece,
  CTC: ctc,
};

export function buildDecoder(part: Part): Decoder {
  const build = Object.hasOwn(DECODERS, part.type) ? DECODERS[part.type] : undefined;
  if (!build) throw part.unknown('decoder', Object.keys(DECODERS));
  return build(part);
}

function byteLevel(tokens: readonly string[]): string[] {
  const bytes: number[] = [];
  for (const token of tokens) for (const byte of Array.from(bytesOfToken(token))) bytes.push(byte);
  return [new TextDecoder().decode(Uint8Array.from(bytes))];
}

function byteFallback(tokens: readonly string[]): string[] {
  const texts: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      texts.push(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) texts.push('\ufffd');
    }
    bytes = [];
  };
  for (const token of tokens) {
    const [, hex] = /^<0x([0-9A-Fa-f]{2})>$/.exec(token) ?? [];
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
      continue;
    }
    flush();
    texts.push(token);
  }
  flush();
  return texts;
}

function metaspace(part: Part): Decoder {
  const mark = part.character('replacement');
  const isAdded = part.oneOf('prepend_scheme', ['always', 'first', 'never'], 'always') !== 'never';
  return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && isAdded ? '' : ' '));
}

function strip(part: Part): Decoder {
  const content = part.character('content');
  const start = part.count('start');
  const stop = part.count('stop');
  return (tokens) =>
    tokens.map((token) => {
      const characters = [...token];
      let from = 0;
      while (from < start && characters[from] === content) from++;
      let end = characters.length;
      while (characters.length - end < stop && end > 0 && characters[end - 1] === content) end--;
      return characters.slice(from, Math.max(from, end)).join('');
    });
}

/** The library's way to set English punctuation again. */
function cleaned(text: string): string {
  return [' .', ' ?', ' !', ' ,']
    .reduce((current, mark) => current.replaceAll(mark, mark.slice(1)), text)
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(' do not', " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

function wordPiece(part: Part): Decoder {
  const prefix = part.string('prefix');
  const clean = part.boolean('cleanup') ? cleaned : (text: string) => text;
  return (tokens) =>
    tokens.map((token, i) => {
      const joined = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return clean(joined);
    });
}

function ctc(part: Part): Decoder {
  const pad = part.string('pad_token');
  const delimiter = part.string('word_delimiter_token');
  const clean = part.boolean('cleanup');
  return (tokens) =>
    tokens
      .filter((token, i) => token !== tokens[i - 1])
      .map((token) => token.replaceAll(pad, ''))
      .map((token) => (clean ? cleaned(token).replaceAll(delimiter, ' ') : token))
      .filter((token) => token !== '');
}
