/** @file A model's own tokenizer: tokenizer.json through @huggingface/tokenizers, checked before and after. */
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import { WhittleError } from '../../errors/errors.ts';
import { type RawConfig, readJsonObject } from '../hf/config.ts';
import { toPlain } from '../json.ts';
import type { ByteSource } from '../source.ts';
import { endTokens, namedBos } from './special_tokens.ts';
import { readTokenizerJson, type TokenizerFacts } from './validate.ts';

export interface Tokenizer {
  /** For people and protocols: "BPE, 4,096 tokens (LlamaTokenizer)". */
  readonly name: string;
  /** Largest token id + 1. */
  readonly vocab_size: number;
  /** Token ids with the tokenizer's own special tokens, such as a leading `<s>`. Throws `bad_tokenizer`. */
  encode(text: string): Uint32Array;
  /** Token ids of the text alone, without any that the tokenizer adds around it. Throws `bad_tokenizer`. */
  encodePlain(text: string): Uint32Array;
  /** What stands before a text: the tokens that the post-processor adds there, else the BOS token of tokenizer_config.json. */
  readonly bos: readonly number[];
  /** Whether `encode` puts `bos` before a text. */
  readonly adds_bos: boolean;
  /** The text of token ids, special tokens included. */
  decode(ids: Iterable<number>): string;
}

/**
 * Which special tokens are added is decided by the post-processor in tokenizer.json, as the Rust library does it.
 * `modelVocabSize`: rows of the embedding; `encode` refuses ids beyond it. Throws `bad_tokenizer`, `bad_config`.
 */
export async function loadTokenizer(
  tokenizerJson: ByteSource,
  tokenizerConfig?: ByteSource,
  modelVocabSize?: number,
): Promise<Tokenizer> {
  const file = tokenizerJson.name;
  const { root, facts } = await readTokenizerJson(tokenizerJson);
  const config = tokenizerConfig ? await readJsonObject(tokenizerConfig) : {};
  const plain: Record<string, unknown> = { ...DEFAULTS, ...(toPlain(root) as object) };
  const tokenizer = construct(file, plain, config);
  const { before } = endTokens(plain.post_processor);
  const named = namedBos(plain, config);
  const limit = Math.min(facts.vocab_size, modelVocabSize ?? Number.POSITIVE_INFINITY);
  return {
    name: tokenizerName(facts, config),
    vocab_size: facts.vocab_size,
    encode: (text) => checkIds(file, encodeText(file, tokenizer, text, true), limit),
    encodePlain: (text) => checkIds(file, encodeText(file, tokenizer, text, false), limit),
    bos: before.length > 0 || named === undefined ? before : [named],
    adds_bos: before.length > 0,
    decode(ids) {
      const list = [...ids];
      if (list.length === 0) return '';
      return tokenizer.decode(list, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
  };
}

/** Parts that tokenizer.json may leave out; the library insists on their presence. */
const DEFAULTS = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };

function construct(file: string, json: object, config: RawConfig): HfTokenizer {
  try {
    return new HfTokenizer(json, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw bad(file, `The tokenizer cannot be built: ${reason}.`, cause);
  }
}

function encodeText(
  file: string,
  tokenizer: HfTokenizer,
  text: string,
  add_special_tokens: boolean,
): readonly (number | undefined)[] {
  // The library answers an empty text with a section less, and a post-processor then trips over it.
  if (text === '') return [];
  try {
    return tokenizer.encode(text, { add_special_tokens }).ids;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw bad(file, `The text cannot be tokenised: ${reason}.`, cause);
  }
}

function checkIds(file: string, found: readonly (number | undefined)[], limit: number): Uint32Array {
  const ids = new Uint32Array(found.length);
  for (let i = 0; i < found.length; i++) {
    const id = found[i];
    if (id === undefined || !(id >= 0 && id < limit)) {
      throw bad(file, `Token ${i} of the text has the id ${id}, outside the vocabulary of ${limit}.`);
    }
    ids[i] = id;
  }
  return ids;
}

function bad(file: string, message: string, cause?: unknown): WhittleError {
  const action = 'Check that tokenizer.json belongs to this model, or fetch it again.';
  return new WhittleError({ code: 'bad_tokenizer', message, place: { file }, action }, { cause });
}

function tokenizerName({ type, entries }: TokenizerFacts, config: RawConfig): string {
  const name = typeof config.tokenizer_class === 'string' ? ` (${config.tokenizer_class})` : '';
  return `${type}, ${entries.toLocaleString('en')} tokens${name}`;
}
