/** @file Byte-level BPE as GGUF keeps it: the kind `gpt2`, with its merges and the name of its way of cutting text. */
import { type Metadata, string } from '../metadata.ts';
import { preType } from './pre_type.ts';
import { mergePairs, NotCarried, objectOf, type TokenizerJson } from './token_table.ts';

/** Merges and kind; throws {@link NotCarried}. */
export function byteLevelMetadata(json: TokenizerJson): Metadata {
  const { continuing_subword_prefix, end_of_word_suffix } = objectOf(json.model);
  if (continuing_subword_prefix || end_of_word_suffix) {
    throw new NotCarried('its tokenizer marks the beginnings or ends of words');
  }
  const pairs = mergePairs(json);
  if (pairs.some((pair) => pair.some((token) => token.includes(' ')))) {
    throw new NotCarried('its tokenizer merges tokens with spaces, which byte-level tokens do not have');
  }
  return new Map([
    ['tokenizer.ggml.model', string('gpt2')],
    ['tokenizer.ggml.pre', string(preType(json))],
    ['tokenizer.ggml.merges', { type: 'array', of: 'string', values: pairs.map((pair) => pair.join(' ')) }],
  ]);
}
