/** @file Models that look words up: WordPiece (longest parts first) and WordLevel. */
import type { Part } from '../parts.ts';
import { type Model, PieceCache, tokensById, UnknownToken, type Vocabulary } from './model.ts';

abstract class WordModel implements Model {
  readonly size: number;
  protected readonly vocabulary: Vocabulary;
  private readonly tokens: ReadonlyMap<number, string>;
  private readonly unknown: string;
  private readonly cache = new PieceCache();

  constructor(part: Part, vocabulary: Vocabulary) {
    this.size = vocabulary.size;
    this.vocabulary = vocabulary;
    this.tokens = tokensById(vocabulary);
    this.unknown = part.string('unk_token');
  }

  idOf(token: string): number | undefined {
    return this.vocabulary.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.tokens.get(id);
  }

  *tokenize(piece: string): Generator<readonly number[]> {
    yield this.cache.get(piece, (word) => this.idsOf(word) ?? [this.unknownId()]);
  }

  /** Undefined where the vocabulary does not give the word. */
  protected abstract idsOf(word: string): readonly number[] | undefined;

  private unknownId(): number {
    const id = this.vocabulary.get(this.unknown);
    if (id === undefined)
      throw new UnknownToken(`the unk_token ${JSON.stringify(this.unknown)} is not in the vocabulary`);
    return id;
  }
}

export class WordLevel extends WordModel {
  protected idsOf(word: string): readonly number[] | undefined {
    const id = this.vocabulary.get(word);
    return id === undefined ? undefined : [id];
  }
}

export class WordPiece extends WordModel {
  private readonly prefix: string;
  private readonly longestWord: number;
  private readonly longestToken: number;

  constructor(part: Part, vocabulary: Vocabulary) {
    super(part, vocabulary);
    this.prefix = part.string('continuing_subword_prefix');
    this.longestWord = part.count('max_input_chars_per_word');
    let longest = 0;
    for (const token of vocabulary.keys()) longest = Math.max(longest, token.length);
    this.longestToken = longest;
  }

  protected idsOf(word: string): readonly number[] | undefined {
    if (characters(word) > this.longestWord) return undefined;
    const ids: number[] = [];
    for (let start = 0; start < word.length; ) {
      const prefix = start === 0 ? '' : this.prefix;
      let end = Math.min(word.length, start + this.longestToken);
      let id: number | undefined;
      for (; end > start; end--) {
        id = this.vocabulary.get(prefix + word.slice(start, end));
        if (id !== undefined) break;
      }
      if (id === undefined) return undefined;
      ids.push(id);
      start = end;
    }
    return ids;
  }
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
