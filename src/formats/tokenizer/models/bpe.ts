/** @file Byte-pair encoding (arXiv 1508.07909) as the Rust library does it, with all its options. */
import type { Part } from '../parts.ts';
import { unitsOf } from '../unicode/code_points.ts';
import { Merges } from './merge.ts';
import { byteIds, type Model, PieceCache, tokensById, UnknownToken, type Vocabulary } from './model.ts';

/** A piece longer than this is cut where no merge can reach across, so that its start does not wait for its end. */
const LONG_PIECE = 48;
/** About as many characters are tokenised before the ids are handed on. */
const BATCH = 4096;

interface Options {
  prefix: string;
  suffix: string;
  unknown: string | undefined;
  fuse: boolean;
  bytes: boolean;
  ignoreMerges: boolean;
}

/** Merges of a file, in their order. */
export interface ReadMerges {
  readonly pairs: readonly (readonly [string, string])[];
  /** Of each: left, right, and what they become. Looked up once: joining a hundred thousand texts takes its time. */
  readonly ids: Int32Array;
}

export class Bpe implements Model {
  readonly size: number;
  private readonly vocabulary: Vocabulary;
  private readonly tokens: ReadonlyMap<number, string>;
  private readonly options: Options;
  private readonly merges: Merges;
  /** By whether a part is the first and the last of its piece. */
  private readonly caches = Array.from({ length: 4 }, () => new PieceCache());
  /** Of each pair of characters that some merge joins: a piece is never cut between them. */
  private readonly joined = new Set<string>();

  constructor(part: Part, vocabulary: Vocabulary, { pairs, ids }: ReadMerges) {
    this.size = vocabulary.size;
    this.vocabulary = vocabulary;
    this.tokens = tokensById(vocabulary);
    const text = (key: string) => part.string(key, '') || '';
    this.options = {
      prefix: text('continuing_subword_prefix'),
      suffix: text('end_of_word_suffix'),
      unknown: part.options.get('unk_token') == null ? undefined : part.string('unk_token'),
      fuse: part.boolean('fuse_unk', false),
      bytes: part.boolean('byte_fallback', false),
      ignoreMerges: part.boolean('ignore_merges', false),
    };
    const dropout = part.options.get('dropout') ?? null;
    if (dropout !== null && part.fraction('dropout') !== 0) {
      throw part.refuse(
        'The tokenizer leaves merges out at random (dropout), so a text has no ids of its own.',
        'dropout',
        '0 or null',
      );
    }
    this.merges = new Merges(pairs.length);
    for (let rank = 0; rank < pairs.length; rank++) {
      const [left, right] = pairs[rank];
      this.merges.add(ids[3 * rank], ids[3 * rank + 1], ids[3 * rank + 2], rank);
      this.joined.add(lastCharacter(left) + firstCharacter(mergedToken('', right, this.options.prefix)));
    }
  }

  idOf(token: string): number | undefined {
    return this.vocabulary.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.tokens.get(id);
  }

  *tokenize(piece: string): Generator<readonly number[]> {
    if (this.options.ignoreMerges) {
      const whole = this.vocabulary.get(piece);
      if (whole !== undefined) {
        yield [whole];
        return;
      }
    }
    if (piece.length <= LONG_PIECE) yield this.idsOf(piece, true, true);
    else yield* this.tokenizeLong(piece);
  }

  private *tokenizeLong(piece: string): Generator<readonly number[]> {
    let batch: number[] = [];
    let start = 0;
    let previous = '';
    for (let i = 0; i < piece.length; ) {
      const end = i + unitsOf(piece.codePointAt(i)!);
      const character = piece.slice(i, end);
      const known = this.vocabulary.has(this.symbol(character, i === 0, end === piece.length));
      if (known && previous !== '' && !this.joined.has(previous + character)) {
        append(batch, this.idsOf(piece.slice(start, i), start === 0, false));
        start = i;
        if (batch.length >= BATCH) {
          yield batch;
          batch = [];
        }
      }
      // An unknown character may be fused with the next one or put behind it, so it is not parted from either.
      previous = known ? character : '';
      i = end;
    }
    append(batch, this.idsOf(piece.slice(start), start === 0, true));
    yield batch;
  }

  /** Ids of a part of a piece that no merge leaves. */
  private idsOf(part: string, isFirst: boolean, isLast: boolean): readonly number[] {
    return this.caches[(isFirst ? 1 : 0) + (isLast ? 2 : 0)]!.get(part, () => {
      const ids = this.symbols(part, isFirst, isLast);
      return ids.length > 1 ? this.merges.apply(ids) : ids;
    });
  }

  private symbol(character: string, isFirst: boolean, isLast: boolean): string {
    return (isFirst ? '' : this.options.prefix) + character + (isLast ? this.options.suffix : '');
  }

  /** Ids of the characters. */
  private symbols(part: string, isFirst: boolean, isLast: boolean): number[] {
    const { bytes, unknown, fuse } = this.options;
    const ids: number[] = [];
    let waiting: number | undefined;
    for (let i = 0; i < part.length; ) {
      const end = i + unitsOf(part.codePointAt(i)!);
      const symbol = this.symbol(part.slice(i, end), isFirst && i === 0, isLast && end === part.length);
      i = end;
      const id = this.vocabulary.get(symbol);
      if (id !== undefined) {
        if (waiting !== undefined) ids.push(waiting);
        waiting = undefined;
        ids.push(id);
        continue;
      }
      const fallback = bytes ? byteIds(symbol, this.vocabulary) : undefined;
      if (fallback) {
        // The library lets bytes overtake an unknown character that waits to be fused.
        append(ids, fallback);
      } else if (unknown !== undefined) {
        if (waiting !== undefined && !fuse) ids.push(waiting);
        waiting ??= this.unknownId(unknown);
      }
    }
    if (waiting !== undefined) ids.push(waiting);
    return ids;
  }

  private unknownId(unknown: string): number {
    const id = this.vocabulary.get(unknown);
    if (id === undefined) throw new UnknownToken(`the unk_token ${JSON.stringify(unknown)} is not in the vocabulary`);
    return id;
  }
}

/** The token that two parts make; the second loses the prefix of continuations, byte by byte. */
export function mergedToken(left: string, right: string, prefix: string): string {
  if (prefix === '') return left + right;
  if (right.startsWith(prefix)) return left + right.slice(prefix.length);
  const encoder = new TextEncoder();
  return left + new TextDecoder().decode(encoder.encode(right).subarray(encoder.encode(prefix).length));
}

function append(list: number[], more: readonly number[]): void {
  for (const each of more) list.push(each);
}

function firstCharacter(token: string): string {
  return token === '' ? '' : String.fromCodePoint(token.codePointAt(0)!);
}

function lastCharacter(token: string): string {
  const code = token.codePointAt(token.length - 2);
  return token.slice(code !== undefined && code > 0xffff ? -2 : -1);
}
