/** @file What a tokenizer's model is to the rest: pieces into ids, ids into tokens. */

export interface Model {
  /** Distinct tokens; an added token gets the next id. */
  readonly size: number;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /** Ids of one piece, in batches, so that a piece of any length can be stopped after the first. Throws `UnknownToken`. */
  tokenize(piece: string): Iterable<readonly number[]>;
}

/** The text has something for which the vocabulary has no token, not even one for the unknown. */
export class UnknownToken extends Error {
  override readonly name = 'UnknownToken';
}

/** Vocabulary as a file gives it: token → id. */
export type Vocabulary = ReadonlyMap<string, number>;

export function tokensById(vocabulary: Vocabulary): ReadonlyMap<number, string> {
  const tokens = new Map<number, string>();
  for (const [token, id] of vocabulary) tokens.set(id, token);
  return tokens;
}

/** `<0x0A>`: the token of a byte, where a model falls back to bytes. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** Ids of the tokens of a text's bytes; undefined where one of them has none. */
export function byteIds(text: string, vocabulary: Vocabulary): number[] | undefined {
  const ids: number[] = [];
  for (const byte of new TextEncoder().encode(text)) {
    const id = vocabulary.get(byteToken(byte));
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

/** Remembers the ids of short pieces: words come again and again. */
export class PieceCache {
  private readonly known = new Map<string, readonly number[]>();

  get(piece: string, compute: (piece: string) => readonly number[]): readonly number[] {
    let ids = this.known.get(piece);
    if (!ids) {
      ids = compute(piece);
      if (piece.length <= LONGEST_KEPT && this.known.size < MOST_KEPT) this.known.set(piece, ids);
    }
    return ids;
  }
}

const LONGEST_KEPT = 64;
const MOST_KEPT = 100_000;
