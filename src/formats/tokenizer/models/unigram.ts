/**
 * @file Unigram (arXiv 1804.10959): the path of tokens with the largest sum of scores, by Viterbi's algorithm. Scores are
 * summed from the start of the piece in the order of the Rust library, so that even ties fall alike.
 */
import type { Part } from '../parts.ts';
import { unitsOf } from '../unicode/code_points.ts';
import { byteIds, type Model, PieceCache, tokensById, UnknownToken, type Vocabulary } from './model.ts';
import { PairTable } from './pair_table.ts';

/** An unknown character costs this much more than the least likely token. */
const UNKNOWN_PENALTY = 10;
/** Paths are followed back at the first place that all of them pass after this many units. */
const BATCH = 4096;
/** Pieces up to this length are worth remembering. */
const SHORT = 64;

export class Unigram implements Model {
  readonly size: number;
  private readonly vocabulary: Vocabulary;
  private readonly tokens: ReadonlyMap<number, string>;
  private readonly scores: Float64Array;
  private readonly unknownScore: number;
  private readonly unknown: number | undefined;
  private readonly bytes: boolean;
  private readonly edges: PairTable;
  private readonly cache = new PieceCache();
  /** Token that ends at a node of the trie, −1 for none. */
  private readonly ends: number[] = [-1];

  constructor(part: Part, vocabulary: Vocabulary, scores: Float64Array) {
    this.size = scores.length;
    this.vocabulary = vocabulary;
    this.tokens = tokensById(vocabulary);
    this.scores = scores;
    this.bytes = part.boolean('byte_fallback', false);
    this.unknown = part.options.get('unk_id') == null ? undefined : part.count('unk_id');
    if (this.unknown !== undefined && this.unknown >= scores.length) {
      throw part.wrong('unk_id', `less than ${scores.length}, the tokens of the vocabulary`);
    }
    this.unknownScore =
      scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
    this.edges = new PairTable(vocabulary.size * 3);
    for (const [token, id] of vocabulary) this.insert(token, id);
  }

  idOf(token: string): number | undefined {
    return this.vocabulary.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.tokens.get(id);
  }

  *tokenize(piece: string): Generator<readonly number[]> {
    if (piece.length > SHORT) yield* this.paths(piece);
    else yield this.cache.get(piece, (short) => [...this.paths(short)].flat());
  }

  private *paths(piece: string): Generator<readonly number[]> {
    const { edges, ends, scores } = this;
    const length = piece.length;
    // The tables reach over a stretch of the piece; at a place that every path passes they start anew.
    let base = 0;
    let best = new Float64Array(capacityFor(length));
    let starts = new Int32Array(best.length).fill(-1);
    let ids = new Int32Array(best.length);
    let reach = 0;
    for (let at = 0; at < length; ) {
      if (at === reach && at - base >= BATCH && this.mayPart(piece, at, starts, ids, base)) {
        yield this.follow(piece, base, at, starts, ids);
        best[0] = best[at - base]!;
        starts.fill(-1);
        base = at;
      }
      const local = at - base;
      const till = best[local]!;
      const character = unitsOf(piece.codePointAt(at)!);
      let single = false;
      let node = 0;
      for (let end = at; end < length; ) {
        node = edges.get(node, piece.charCodeAt(end));
        if (node < 0) break;
        end++;
        const id = ends[node]!;
        if (id < 0) continue;
        if (end - base >= best.length) [best, starts, ids] = [grown(best), grownWith(starts, -1), grownWith(ids, 0)];
        this.reachTo(end - base, local, id, scores[id]! + till, best, starts, ids);
        if (end > reach) reach = end;
        if (end - at === character) single = true;
      }
      at += character;
      if (!single) {
        if (at - base >= best.length) [best, starts, ids] = [grown(best), grownWith(starts, -1), grownWith(ids, 0)];
        const score = this.unknownScore + till;
        const target = at - base;
        if (starts[target] === -1 || score > best[target]!) {
          if (this.unknown === undefined)
            throw new UnknownToken('the vocabulary has no token for unknown characters (unk_id)');
          this.reachTo(target, local, this.unknown, score, best, starts, ids);
        }
        if (at > reach) reach = at;
      }
    }
    if (length > base) yield this.follow(piece, base, length, starts, ids);
  }

  private reachTo(
    target: number,
    from: number,
    id: number,
    score: number,
    best: Float64Array,
    starts: Int32Array,
    ids: Int32Array,
  ): void {
    if (starts[target] !== -1 && !(score > best[target]!)) return;
    best[target] = score;
    starts[target] = from;
    ids[target] = id;
  }

  /** No token crosses `at`, and no run of unknown characters does. */
  private mayPart(piece: string, at: number, starts: Int32Array, ids: Int32Array, base: number): boolean {
    const end = at - base;
    if (starts[end] === -1 || ids[end] === this.unknown) return false;
    const next = String.fromCodePoint(piece.codePointAt(at)!);
    const id = this.vocabulary.get(next);
    return id !== undefined && id !== this.unknown;
  }

  private follow(piece: string, base: number, end: number, starts: Int32Array, found: Int32Array): number[] {
    const reversed: number[] = [];
    let unknownEnd = -1;
    const flush = (from: number) => {
      if (unknownEnd < 0) return;
      const text = piece.slice(from, unknownEnd);
      unknownEnd = -1;
      const id = this.vocabulary.get(text);
      const bytes = id === undefined && this.bytes ? byteIds(text, this.vocabulary) : undefined;
      for (const each of bytes?.reverse() ?? [id ?? this.unknown!]) reversed.push(each);
    };
    for (let at = end; at > base; ) {
      const id = found[at - base]!;
      const from = base + starts[at - base]!;
      if (id === this.unknown) {
        if (unknownEnd < 0) unknownEnd = at;
      } else {
        flush(at);
        reversed.push(id);
      }
      at = from;
    }
    flush(base);
    return reversed.reverse();
  }

  private insert(token: string, id: number): void {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      let next = this.edges.get(node, unit);
      if (next < 0) {
        next = this.ends.push(-1) - 1;
        this.edges.set(node, unit, next);
      }
      node = next;
    }
    if (node !== 0) this.ends[node] = id;
  }
}

function capacityFor(length: number): number {
  return Math.min(length, 2 * BATCH) + 1;
}

function grown(table: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(table.length * 2);
  larger.set(table);
  return larger;
}

function grownWith(table: Int32Array, filling: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(table.length * 2).fill(filling);
  larger.set(table);
  return larger;
}
