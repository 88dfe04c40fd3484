/** @file tokenizer.json and tokenizer_config.json from the metadata of a GGUF file. */
import { quoteText } from '../../json.ts';
import type { GgufMetadata } from '../metadata.ts';
import { type BuiltTokenizer, byteLevelTokenizer } from './byte_level.ts';
import { sentencePieceTokenizer } from './sentencepiece.ts';
import { badTokens, readSpecial, readVocabulary, type Special, tokenCount, type Vocabulary } from './vocabulary.ts';

export interface TokenizerFiles {
  readonly tokenizer: object;
  readonly tokenizer_config: object;
  readonly warnings: readonly string[];
}

const MODEL_KEY = 'tokenizer.ggml.model';
const KINDS: Readonly<Record<string, (metadata: GgufMetadata, vocabulary: Vocabulary) => BuiltTokenizer>> = {
  gpt2: byteLevelTokenizer,
  llama: sentencePieceTokenizer,
};

/** Ids for config.json and generation_config.json, those that the file names; no token is decoded. Throws `bad_tokenizer`, `bad_gguf`. */
export function specialIds(metadata: GgufMetadata): Readonly<Record<string, number | number[]>> {
  kindOf(metadata);
  const special: Special = readSpecial(metadata, tokenCount(metadata));
  const ends = [special.eos, special.eot].filter((id, i, all) => id !== undefined && all.indexOf(id) === i) as number[];
  return defined({
    bos_token_id: special.bos,
    eos_token_id: ends.length > 1 ? ends : ends[0],
    pad_token_id: special.padding,
  });
}

/** Throws `bad_tokenizer`, `bad_gguf`. @param context_length For `model_max_length`. */
export function tokenizerFiles(metadata: GgufMetadata, context_length: number): TokenizerFiles {
  const kind = kindOf(metadata);
  const vocabulary = readVocabulary(metadata);
  const { json, add_bos, add_eos, warnings } = KINDS[kind](metadata, vocabulary);
  const { tokens, special } = vocabulary;
  const text = (id: number | undefined) => (id === undefined ? undefined : tokens[id]);
  return {
    tokenizer: json,
    tokenizer_config: defined({
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: text(special.bos),
      eos_token: text(special.eos),
      unk_token: text(special.unknown),
      pad_token: text(special.padding),
      add_bos_token: add_bos,
      add_eos_token: add_eos,
      clean_up_tokenization_spaces: false,
      model_max_length: context_length,
      // As text: it is rendered only when a chat is asked for (formats/chat).
      chat_template: metadata.text('tokenizer.chat_template'),
    }),
    warnings,
  };
}

function kindOf(metadata: GgufMetadata): string {
  const kind = metadata.text(MODEL_KEY);
  if (kind === undefined || !Object.hasOwn(KINDS, kind)) {
    const found =
      kind === undefined ? 'The file has no tokenizer.' : `The tokenizer is of the kind ${quoteText(kind)}.`;
    throw badTokens(
      metadata.file,
      found,
      MODEL_KEY,
      Object.keys(KINDS).join(', '),
      "Open the model's safetensors version, which has a tokenizer.json.",
    );
  }
  return kind;
}

function defined<T>(entries: Record<string, T | undefined>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).filter((entry): entry is [string, T] => entry[1] !== undefined));
}
