/** @file The token table of a GGUF file: texts, kinds, special ids; what both kinds of tokenizer start from. */
import { WhittleError } from '../../../errors/errors.ts';
import { quoteText } from '../../json.ts';
import type { GgufMetadata } from '../metadata.ts';

/** `tokenizer.ggml.token_type`. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, user_defined: 4, unused: 5, byte: 6 } as const;

export interface Vocabulary {
  readonly file: string;
  /** By id. Empty texts have been given a name, as llama.cpp does. */
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly ids: ReadonlyMap<string, number>;
  readonly special: Special;
  /** Tokens that take the white space behind them are not marked in the file: llama.cpp knows Phi-3's by the model's name. */
  readonly takesSpaces: boolean;
}

/** Ids that the file names. */
export interface Special {
  readonly bos?: number;
  readonly eos?: number;
  readonly eot?: number;
  readonly unknown?: number;
  readonly padding?: number;
}

const TOKENS_KEY = 'tokenizer.ggml.tokens';

/** Entries of the token table, which is not decoded for it. Throws `bad_tokenizer`, `bad_gguf`. */
export function tokenCount(metadata: GgufMetadata): number {
  const table = metadata.get(TOKENS_KEY);
  if (table === undefined) throw badTokens(metadata.file, 'The file has no token table.', TOKENS_KEY);
  if (table.type !== 'array' || table.of !== 'string') throw metadata.odd(TOKENS_KEY, 'an array of strings');
  if (table.count === 0) throw badTokens(metadata.file, 'The token table is empty.', TOKENS_KEY);
  return table.count;
}

/** Throws `bad_tokenizer`, `bad_gguf`. */
export function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const { file } = metadata;
  const count = tokenCount(metadata);
  const tokens = (metadata.strings(TOKENS_KEY) ?? []).map((token, id) => token || `[EMPTY_${id}]`);
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    const other = ids.get(token);
    if (other !== undefined)
      throw badTokens(file, `The token ${quoteText(token)} has the ids ${other} and ${id}.`, TOKENS_KEY);
    ids.set(token, id);
  }
  const takesSpaces = /phi-?3/i.test(metadata.text('general.name') ?? '');
  return { file, tokens, types: readTypes(metadata, count), ids, special: readSpecial(metadata, count), takesSpaces };
}

/** @param count Of the tokens. Throws `bad_tokenizer`, `bad_gguf`. */
export function readSpecial(metadata: GgufMetadata, count: number): Special {
  const special = (name: string) => {
    const specialKey = `tokenizer.ggml.${name}_token_id`;
    const id = metadata.integer(specialKey, { min: -1, max: 2 ** 32 - 1 });
    // −1 stands for none, also where it was written as a uint32.
    if (id === undefined || id === -1 || id === 2 ** 32 - 1) return undefined;
    if (id >= count) throw badTokens(metadata.file, `${specialKey} is ${id}, beyond ${count} tokens.`, specialKey);
    return id;
  };
  return {
    bos: special('bos'),
    eos: special('eos'),
    eot: special('eot'),
    unknown: special('unknown'),
    padding: special('padding'),
  };
}

function readTypes(metadata: GgufMetadata, count: number): number[] {
  const key = 'tokenizer.ggml.token_type';
  const types = metadata.numbers(key, ['int32', 'uint32']);
  if (!types) return new Array<number>(count).fill(TOKEN_TYPE.normal);
  if (types.length !== count) {
    throw badTokens(metadata.file, `There are ${types.length} token types for ${count} tokens.`, key);
  }
  return types;
}

/** `model.vocab` of tokenizer.json. */
export function tokenIds({ tokens }: Vocabulary): Readonly<Record<string, number>> {
  // Without a prototype "__proto__" is a token as any other.
  const ids: Record<string, number> = Object.create(null);
  for (let id = 0; id < tokens.length; id++) ids[tokens[id]] = id;
  return ids;
}

/** Of Phi-3's special tokens, those that leave the white space behind them. */
const LEAVES_SPACES = ['<unk>', '<s>', '<|endoftext|>'];

/** Tokens that are found in the text before anything else is done with it, in the form of tokenizer.json. */
export function addedTokens({ tokens, types, takesSpaces }: Vocabulary): object[] {
  const added: object[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types[id];
    const special = type === TOKEN_TYPE.control || type === TOKEN_TYPE.unknown;
    if (!special && type !== TOKEN_TYPE.user_defined) continue;
    const rstrip = takesSpaces && !LEAVES_SPACES.includes(content);
    added.push({ id, content, single_word: false, lstrip: false, rstrip, normalized: false, special });
  }
  return added;
}

/** Puts beginning and end around a text; null where neither is wanted. */
export function postProcessor({ tokens }: Vocabulary, bos: number | undefined, eos: number | undefined): object | null {
  if (bos === undefined && eos === undefined) return null;
  const token = (id: number | undefined, type_id: number) =>
    id === undefined ? [] : [{ SpecialToken: { id: tokens[id], type_id } }];
  const sequence = (id: string, type_id: number) => [
    ...token(bos, type_id),
    { Sequence: { id, type_id } },
    ...token(eos, type_id),
  ];
  const used = [bos, eos].filter((id) => id !== undefined);
  return {
    type: 'TemplateProcessing',
    single: sequence('A', 0),
    pair: [...sequence('A', 0), ...sequence('B', 1)],
    special_tokens: Object.fromEntries(
      used.map((id) => [tokens[id], { id: tokens[id], ids: [id], tokens: [tokens[id]] }]),
    ),
  };
}

export function badTokens(
  file: string,
  message: string,
  field: string,
  allowed = 'the tokenizer as llama.cpp writes it into a GGUF file',
  action = 'Download the file again, or convert the model anew with current tools.',
): WhittleError {
  return new WhittleError({
    code: 'bad_tokenizer',
    message,
    place: { file, field },
    allowed,
    action,
  });
}
