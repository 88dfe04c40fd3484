/**
 * @file A model's own tokenizer, from tokenizer.json: the ids are those of the Rust library `tokenizers` 0.23, or the
 * part that would make other ones is refused by name.
 */
import { WhittleError } from '../../errors/errors.ts';
import { type RawConfig, readJsonObject } from '../hf/config.ts';
import { type JsonObject, quoteText } from '../json.ts';
import type { ByteSource } from '../source.ts';
import { AddedTokens, type NumberedToken, readToken } from './added_tokens.ts';
import { tokenizerConfigNotes } from './config_notes.ts';
import { type BesideTokenizer, namedTokens, tokensBeside } from './config_tokens.ts';
import { buildDecoder } from './decoders.ts';
import { type Model, UnknownToken } from './models/model.ts';
import { type ModelType, readModel } from './models/read_model.ts';
import { buildNormalizer } from './normalizers/normalizers.ts';
import { Part } from './parts.ts';
import { buildFrame, type Frame, TEXT } from './post_processor.ts';
import { buildPreTokenizer } from './pre_tokenizers.ts';
import { failure, readTokenizerJson } from './read_json.ts';

export interface Tokenizer {
  /** For people and protocols: "BPE, 4,096 tokens (LlamaTokenizer)". */
  readonly name: string;
  /** Largest token id + 1. */
  readonly vocab_size: number;
  /** Token ids with the tokenizer's own special tokens, such as a leading `<s>`. Throws `bad_tokenizer`, `bad_text`. */
  encode(text: string): Uint32Array;
  /** Token ids of the text alone, without any that the tokenizer adds around it. Throws as {@link encode}. */
  encodePlain(text: string): Uint32Array;
  /**
   * The ids of {@link encode} in batches, computed as far as they are asked for: the first windows of a long text do not
   * wait for its end. Throws as {@link encode}.
   */
  stream(text: string): Iterable<readonly number[]>;
  /** The same for {@link encodePlain}. */
  streamPlain(text: string): Iterable<readonly number[]>;
  /** What stands before a text: the tokens that the post-processor adds there, else the BOS token of tokenizer_config.json. */
  readonly bos: readonly number[];
  /** Whether `encode` puts `bos` before a text. */
  readonly adds_bos: boolean;
  /** For people: where tokenizer_config.json asks for something else. */
  readonly notes?: readonly string[];
  /** Added tokens, also those that tokenizer.json does not have, but the files beside it. */
  readonly added_tokens?: readonly NumberedToken[];
  /** The text of token ids, special tokens included. */
  decode(ids: Iterable<number>): string;
  /** A token as the vocabulary has it ("Ġhello", "▁hello", "<0x0A>"); undefined for an id that has none. */
  token(id: number): string | undefined;
  /** The id of a token's exact name; undefined where there is none. */
  idOf(token: string): number | undefined;
}

/** Files of a folder that add tokens where tokenizer_config.json lists none. */
export interface OlderTokenFiles {
  readonly special_tokens_map?: ByteSource;
  readonly added_tokens?: ByteSource;
}

/**
 * Which special tokens go around a text is decided by the post-processor in tokenizer.json, as the Rust library does it
 * (transformers 5, too, leaves `add_bos_token` alone beside a tokenizer.json); its `truncation` and `padding` are left alone.
 * `modelVocabSize`: rows of the embedding; `encode` refuses ids beyond it.
 * `older`: of a folder, whose tokens are added as transformers adds them; absent: tokenizer.json has them all.
 * Throws `bad_tokenizer`, `bad_config`.
 */
export async function loadTokenizer(
  tokenizerJson: ByteSource,
  tokenizerConfig?: ByteSource,
  modelVocabSize?: number,
  older?: OlderTokenFiles,
): Promise<Tokenizer> {
  const file = tokenizerJson.name;
  const root = await readTokenizerJson(tokenizerJson);
  const read = async (source?: ByteSource): Promise<RawConfig | undefined> => source && (await readJsonObject(source));
  const config = (await read(tokenizerConfig)) ?? {};
  const beside = older && {
    config,
    special_tokens_map: await read(older.special_tokens_map),
    added_tokens: await read(older.added_tokens),
  };
  return new RustTokenizer(file, root, config, modelVocabSize, beside);
}

class RustTokenizer implements Tokenizer {
  readonly name: string;
  readonly vocab_size: number;
  readonly bos: readonly number[];
  readonly adds_bos: boolean;
  readonly notes: readonly string[];
  readonly added_tokens: readonly NumberedToken[];
  private readonly file: string;
  private readonly model: Model;
  private readonly added: AddedTokens;
  private readonly normalize: ReturnType<typeof buildNormalizer>;
  private readonly cutUp: ReturnType<typeof buildPreTokenizer>;
  private readonly frame: Frame;
  private readonly decodeTokens: ((tokens: readonly string[]) => readonly string[]) | undefined;
  private readonly limit: number;

  constructor(file: string, root: JsonObject, config: RawConfig, modelVocabSize?: number, beside?: BesideTokenizer) {
    const part = (key: string) => Part.at(root, key, file);
    const modelPart = part('model');
    if (!modelPart) throw failure(file)('There is no "model" in it, which holds the vocabulary.', 'model');
    const { type, model, vocabulary } = readModel(modelPart);
    const [normalizer, preTokenizer, postProcessor, decoder] = [
      part('normalizer'),
      part('pre_tokenizer'),
      part('post_processor'),
      part('decoder'),
    ];
    this.file = file;
    this.notes = tokenizerConfigNotes(root, config);
    this.model = model;
    this.normalize = normalizer ? buildNormalizer(normalizer) : (piece) => piece;
    this.cutUp = preTokenizer ? buildPreTokenizer(preTokenizer) : (piece) => [piece];
    this.frame = postProcessor ? buildFrame(postProcessor) : [TEXT];
    this.decodeTokens = decoder && buildDecoder(decoder);
    const parts = addedParts(root, file);
    const own = parts.map(readToken);
    const byId = new Map(own.map((token, i) => [parts[i].count('id'), token]));
    this.added = new AddedTokens(
      beside ? [...own, ...tokensBeside(beside, byId)] : own,
      model,
      (text) => this.normalize({ text, lead: 0 }).text,
      config.split_special_tokens === true,
    );
    this.added_tokens = this.added.list();
    let largest = this.added.largest;
    for (const id of vocabulary.values()) largest = Math.max(largest, id);
    this.vocab_size = largest + 1;
    this.limit = Math.min(this.vocab_size, modelVocabSize ?? Number.POSITIVE_INFINITY);
    this.name = tokenizerName(type, model.size + this.added.size, config);
    const before = this.frame.slice(0, Math.max(0, this.frame.indexOf(TEXT))).filter((id) => id !== TEXT);
    this.adds_bos = before.length > 0;
    this.bos = this.adds_bos ? before : this.namedBos(beside ? namedTokens(beside) : config);
    for (const id of this.frame) {
      if (id !== TEXT && id >= this.vocab_size) {
        throw failure(file)(`The post-processor inserts token id ${id}, outside the vocabulary.`, 'post_processor');
      }
    }
  }

  readonly encode = (text: string): Uint32Array => collect(this.stream(text));

  readonly encodePlain = (text: string): Uint32Array => collect(this.streamPlain(text));

  readonly stream = (text: string): Iterable<readonly number[]> => this.checked(text, this.frame);

  readonly streamPlain = (text: string): Iterable<readonly number[]> => this.checked(text, [TEXT]);

  private *checked(text: string, frame: Frame): Generator<readonly number[]> {
    const whole = HALVES.test(text) ? text.replace(LONE_SURROGATES, '\ufffd') : text;
    let seen = 0;
    for (const batch of this.framed(whole, frame)) {
      for (const [i, id] of batch.entries()) {
        if (id < this.limit) continue;
        const found = `Token ${seen + i} of the text, ${quoteText(this.token(id) ?? '')}, has the id ${id}, outside the vocabulary of ${this.limit}.`;
        throw this.bad(found, `ids below ${this.limit}, which the model embeds`);
      }
      seen += batch.length;
      yield batch;
    }
  }

  readonly decode = (ids: Iterable<number>): string => {
    const tokens = [...ids].map(this.token);
    const known = tokens.filter((token) => token !== undefined);
    return this.decodeTokens ? this.decodeTokens(known).join('') : known.join(' ');
  };

  readonly token = (id: number): string | undefined => this.added.tokenOf(id) ?? this.model.tokenOf(id);

  readonly idOf = (token: string): number | undefined => this.added.idOf(token) ?? this.model.idOf(token);

  private *framed(text: string, frame: Frame): Generator<readonly number[]> {
    try {
      for (const each of frame) {
        if (each === TEXT) yield* this.idsOfText(text);
        else yield [each];
      }
    } catch (cause) {
      if (cause instanceof UnknownToken) {
        throw this.bad(`The text cannot be tokenised: ${cause.message}.`, 'characters that the vocabulary has', cause);
      }
      throw cause;
    }
  }

  private *idsOfText(text: string): Generator<readonly number[]> {
    for (const stretch of this.added.stretches(text, this.normalize)) {
      if (stretch.id !== undefined) yield [stretch.id];
      else for (const piece of this.cutUp(stretch.piece)) yield* this.model.tokenize(piece.text);
    }
  }

  private namedBos({ bos_token: named }: RawConfig): number[] {
    const content = typeof named === 'string' ? named : (named as { content?: unknown } | null | undefined)?.content;
    const id = typeof content === 'string' ? this.idOf(content) : undefined;
    return id === undefined ? [] : [id];
  }

  private bad(message: string, allowed: string, cause?: unknown): WhittleError {
    const action =
      'Check that tokenizer.json belongs to this model. If it does, use a text without what it has no ids for.';
    return new WhittleError({ code: 'bad_tokenizer', message, place: { file: this.file }, allowed, action }, { cause });
  }
}

function collect(batches: Iterable<readonly number[]>): Uint32Array {
  let ids = new Uint32Array(1024);
  let count = 0;
  for (const batch of batches) {
    if (count + batch.length > ids.length) {
      const larger = new Uint32Array(Math.max(2 * ids.length, count + batch.length));
      larger.set(ids.subarray(0, count));
      ids = larger;
    }
    ids.set(batch, count);
    count += batch.length;
  }
  return ids.slice(0, count);
}

/** A text of a page may have halves of characters; UTF-8, which the library reads, cannot. */
const HALVES = /[\ud800-\udfff]/;
const LONE_SURROGATES = /\p{Surrogate}/gu;

function addedParts(root: JsonObject, file: string): Part[] {
  const list = root.get('added_tokens');
  if (list === undefined || list === null) return [];
  const fail = failure(file);
  if (!Array.isArray(list)) throw fail('added_tokens is not a list.', 'added_tokens');
  return list.map((entry, i) => {
    if (entry instanceof Map && typeof entry.get('content') === 'string') {
      return new Part(entry, `added_tokens.${i}`, file);
    }
    throw fail(`Added token ${i} has no content.`, 'added_tokens');
  });
}

function tokenizerName(type: ModelType, entries: number, config: RawConfig): string {
  const name = typeof config.tokenizer_class === 'string' ? ` (${config.tokenizer_class})` : '';
  return `${type}, ${entries.toLocaleString('en')} tokens${name}`;
}
