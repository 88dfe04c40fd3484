/**
 * @file Added tokens: found in the text before it is normalised (or after, where the token says so), never cut. Ids and
 * clashes are those that the Rust library gives when it loads the file: it counts for itself, whatever id is written.
 */
import type { AddedTokenEntry } from './config_tokens.ts';
import type { Model } from './models/model.ts';
import type { Part } from './parts.ts';
import { cut, type Piece } from './piece.ts';
import { isSpace, isWord } from './unicode/code_points.ts';

export interface NumberedToken extends AddedTokenEntry {
  readonly id: number;
}

/** A stretch of text, or an added token in its place. */
export type Stretch = { readonly piece: Piece; readonly id?: undefined } | { readonly id: number };

export class AddedTokens {
  private readonly ids = new Map<string, number>();
  private readonly byId = new Map<number, AddedTokenEntry>();
  private readonly inText = new Trie();
  private readonly inNormalized = new Trie();
  /** Those that stay whole in no text: whatever was special once stays so. */
  private readonly split = new Set<string>();
  /** Largest id, −1 where there is none. */
  readonly largest: number = -1;
  readonly size: number;

  /**
   * `normalize` is applied to what tokens marked `normalized` look for, as it is to the text.
   * `splitSpecial`: special tokens in a text are cut as if they were words.
   */
  constructor(
    tokens: readonly AddedTokenEntry[],
    model: Model,
    normalize: (text: string) => string,
    splitSpecial = false,
  ) {
    const known: AddedTokenEntry[] = [];
    for (const token of tokens) {
      const before = this.byId.get(this.ids.get(token.content) ?? -1);
      if (token.content === '' || (before && isSame(before, token))) continue;
      const id = this.ids.get(token.content) ?? model.idOf(token.content) ?? nextId(this.largest, model.size);
      this.largest = Math.max(this.largest, id);
      this.ids.set(token.content, id);
      this.byId.set(id, token);
      known.push(token);
      if (splitSpecial && token.special) this.split.add(token.content);
    }
    for (const token of known) {
      const { content, normalized } = token;
      const id = this.ids.get(content)!;
      const latest = this.byId.get(id)!;
      // Added again with other flags, a token has only these.
      if (latest !== token && latest.content === content) continue;
      if (normalized) this.inNormalized.add(normalize(content), id);
      else this.inText.add(content, id);
    }
    this.size = [...this.ids.keys()].filter((content) => model.idOf(content) === undefined).length;
  }

  idOf(token: string): number | undefined {
    return this.ids.get(token);
  }

  /** As they are found in texts. */
  list(): NumberedToken[] {
    return [...this.byId].map(([id, token]) => ({ ...token, id }));
  }

  tokenOf(id: number): string | undefined {
    return this.byId.get(id)?.content;
  }

  /** The text between added tokens normalised, and cut again where normalised tokens are. */
  *stretches(text: string, normalize: (piece: Piece) => Piece): Generator<Stretch> {
    const whole = { text, lead: text === '' ? 0 : text.codePointAt(0)! > 0xffff ? 2 : 1 };
    for (const stretch of this.find(whole, this.inText)) {
      if (stretch.id !== undefined) yield stretch;
      else yield* this.find(normalize(stretch.piece), this.inNormalized);
    }
  }

  private *find(piece: Piece, trie: Trie): Generator<Stretch> {
    const { text } = piece;
    let from = 0;
    for (const match of trie.matches(text)) {
      const { content, single_word, lstrip, rstrip } = this.byId.get(match.id)!;
      if (this.split.has(content)) continue;
      if (single_word && (isWordBefore(text, match.start) || isWordAfter(text, match.end))) continue;
      let { start, end } = match;
      if (lstrip) {
        while (start > from && isSpace(text.charCodeAt(start - 1))) start--;
        // White space that the token before took is not taken again.
        start = Math.max(start, from);
      }
      if (rstrip) while (end < text.length && isSpace(text.charCodeAt(end))) end++;
      if (from < start) yield { piece: cut(piece, from, start) };
      // Of a token of white space nothing may be left.
      if (start < end) yield { id: match.id };
      from = end;
    }
    if (from < text.length) yield { piece: from === 0 ? piece : cut(piece, from, text.length) };
  }
}

/** The library goes on behind the vocabulary's number of tokens, or behind the largest added id. */
function nextId(largest: number, size: number): number {
  return largest >= size || (size === 0 && largest >= 0) ? largest + 1 : size;
}

export function readToken(part: Part): AddedTokenEntry {
  part.count('id');
  return {
    content: part.string('content'),
    single_word: part.boolean('single_word', false),
    lstrip: part.boolean('lstrip', false),
    rstrip: part.boolean('rstrip', false),
    normalized: part.boolean('normalized', false),
    special: part.boolean('special', false),
  };
}

function isSame(a: AddedTokenEntry, b: AddedTokenEntry): boolean {
  return (Object.keys(a) as (keyof AddedTokenEntry)[]).every((key) => a[key] === b[key]);
}

function isWordBefore(text: string, end: number): boolean {
  if (end === 0) return false;
  const code = text.codePointAt(end - 2);
  return isWord(code !== undefined && code > 0xffff ? code : text.charCodeAt(end - 1));
}

function isWordAfter(text: string, start: number): boolean {
  return start < text.length && isWord(text.codePointAt(start)!);
}

interface Node {
  next: Map<number, Node>;
  id: number;
}

/** Finds the longest of the tokens at the leftmost place, then goes on behind it. */
class Trie {
  private readonly root: Node = { next: new Map(), id: -1 };
  /** Whether a UTF-16 unit starts a token. */
  private readonly starts = new Uint8Array(0x10000);

  add(content: string, id: number): void {
    if (content === '') return;
    this.starts[content.charCodeAt(0)] = 1;
    let node = this.root;
    for (let i = 0; i < content.length; i++) {
      const unit = content.charCodeAt(i);
      let next = node.next.get(unit);
      if (!next) {
        next = { next: new Map(), id: -1 };
        node.next.set(unit, next);
      }
      node = next;
    }
    node.id = id;
  }

  *matches(text: string): Generator<{ start: number; end: number; id: number }> {
    for (let at = 0; at < text.length; at++) {
      if (this.starts[text.charCodeAt(at)] === 0) continue;
      let end = -1;
      let id = -1;
      let node: Node | undefined = this.root;
      for (let i = at; i < text.length; i++) {
        node = node.next.get(text.charCodeAt(i));
        if (!node) break;
        if (node.id >= 0) [end, id] = [i + 1, node.id];
      }
      if (end < 0) continue;
      yield { start: at, end, id };
      at = end - 1;
    }
  }
}
