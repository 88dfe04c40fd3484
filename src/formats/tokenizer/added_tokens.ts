/**
 * @file Added tokens: found in the text before it is normalised (or after, where the token says so), never cut. Ids and
 * clashes are those that the Rust library gives when it loads the file: it counts for itself, whatever id is written.
 */
import type { Model } from './models/model.ts';
import type { Part } from './parts.ts';
import { cut, type Piece } from './piece.ts';
import { isSpace, isWord } from './unicode/code_points.ts';

interface AddedToken {
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A stretch of text, or an added token in its place. */
export type Stretch = { readonly piece: Piece; readonly id?: undefined } | { readonly id: number };

export class AddedTokens {
  private readonly ids = new Map<string, number>();
  private readonly byId = new Map<number, AddedToken>();
  private readonly inText = new Trie();
  private readonly inNormalized = new Trie();
  /** Largest id, −1 where there is none. */
  readonly largest: number = -1;
  readonly size: number;

  /** `normalize` is applied to what tokens marked `normalized` look for, as it is to the text. */
  constructor(parts: readonly Part[], model: Model, normalize: (text: string) => string) {
    const known: AddedToken[] = [];
    for (const part of parts) {
      const token = readToken(part);
      const before = this.byId.get(this.ids.get(token.content) ?? -1);
      if (token.content === '' || (before && isSame(before, token))) continue;
      const id = this.ids.get(token.content) ?? model.idOf(token.content) ?? nextId(this.largest, model.size);
      this.largest = Math.max(this.largest, id);
      this.ids.set(token.content, id);
      this.byId.set(id, token);
      known.push(token);
    }
    for (const { content, normalized } of known) {
      const id = this.ids.get(content)!;
      if (normalized) this.inNormalized.add(normalize(content), id);
      else this.inText.add(content, id);
    }
    this.size = [...this.ids.keys()].filter((content) => model.idOf(content) === undefined).length;
  }

  idOf(token: string): number | undefined {
    return this.ids.get(token);
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
      const { single_word, lstrip, rstrip } = this.byId.get(match.id)!;
      if (single_word && (isWordBefore(text, match.start) || isWordAfter(text, match.end))) continue;
      let { start, end } = match;
      if (lstrip) while (start > from && isSpace(text.charCodeAt(start - 1))) start--;
      if (rstrip) while (end < text.length && isSpace(text.charCodeAt(end))) end++;
      // White space that the token before took is not taken again.
      start = Math.max(start, from);
      if (from < start) yield { piece: cut(piece, from, start) };
      yield { id: match.id };
      from = end;
    }
    if (from < text.length) yield { piece: from === 0 ? piece : cut(piece, from, text.length) };
  }
}

/** The library goes on behind the vocabulary's number of tokens, or behind the largest added id. */
function nextId(largest: number, size: number): number {
  return largest >= size || (size === 0 && largest >= 0) ? largest + 1 : size;
}

function readToken(part: Part): AddedToken {
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

function isSame(a: AddedToken, b: AddedToken): boolean {
  return (Object.keys(a) as (keyof AddedToken)[]).every((key) => a[key] === b[key]);
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
