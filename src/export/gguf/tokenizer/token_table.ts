/** @file The token table of a GGUF file from tokenizer.json: a text and a kind for every row of the embedding. */
import { TOKEN_TYPE } from '../../../formats/gguf/tokenizer/vocabulary.ts';
import { quoteText } from '../../../formats/json.ts';

/** tokenizer.json as parsed; Whittle's loader has checked it. */
export type TokenizerJson = Readonly<Record<string, unknown>>;

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly normalized?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly single_word?: boolean;
}

export interface TokenTable {
  /** By id, as many as the embedding has rows. */
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly ids: ReadonlyMap<string, number>;
  readonly added: readonly AddedToken[];
}

/** Why a GGUF file cannot carry the tokenizer. */
export class NotCarried extends Error {}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Throws {@link NotCarried}. @param kindOf Of a token of the vocabulary that was not added to it. */
export function tokenTable(
  json: TokenizerJson,
  vocab_size: number,
  kindOf: (token: string) => number = () => TOKEN_TYPE.normal,
): TokenTable {
  const vocab = objectOf(objectOf(json.model).vocab) as Record<string, number>;
  const added = (json.added_tokens ?? []) as readonly AddedToken[];
  const tokens = new Array<string | undefined>(vocab_size).fill(undefined);
  const types = new Array<number>(vocab_size).fill(TOKEN_TYPE.unused);
  const put = (token: string, id: number, type: number) => {
    if (id >= vocab_size) {
      throw new NotCarried(`its tokenizer has the id ${id}, but the model embeds only ${vocab_size} tokens`);
    }
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of Object.entries(vocab)) put(token, id, kindOf(token));
  for (const { content, id, special } of added) {
    put(content, id, special ? TOKEN_TYPE.control : TOKEN_TYPE.user_defined);
  }
  // Rows without a token are named as llama.cpp's converter names them.
  const named = tokens.map((token, id) => token ?? `[PAD${id}]`);
  const ids = new Map(named.map((token, id) => [token, id]));
  const doubled = named.findIndex((token, id) => ids.get(token) !== id);
  if (doubled >= 0) throw new NotCarried(`its tokenizer has two ids for the token ${quoteText(named[doubled])}`);
  const odd = added.find(({ special, lstrip, rstrip, single_word }) => !special && (lstrip || rstrip || single_word));
  if (odd) throw new NotCarried(`its token ${quoteText(odd.content)} takes spaces or whole words with it`);
  return { tokens: named, types, ids, added };
}

/** BPE merges as pairs; Hugging Face has written them as "a b" and as ["a", "b"]. */
export function mergePairs(json: TokenizerJson): [string, string][] {
  const merges = (objectOf(json.model).merges ?? []) as readonly (string | [string, string])[];
  return merges.map((merge) => {
    if (typeof merge !== 'string') return merge;
    const space = merge.indexOf(' ');
    return [merge.slice(0, space), merge.slice(space + 1)];
  });
}
