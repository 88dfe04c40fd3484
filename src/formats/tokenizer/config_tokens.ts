/**
 * @file Tokens that a folder adds to its tokenizer.json: transformers 5 takes those of tokenizer_config.json (and of
 * special_tokens_map.json and added_tokens.json, where the former lists none) into the tokenizer as it opens the folder, so a
 * text that has them is cut there. Source: transformers' PreTrainedTokenizerBase._from_pretrained and TokenizersBackend.
 */
import type { RawConfig } from '../hf/config.ts';

/** Parsed files beside tokenizer.json. */
export interface BesideTokenizer {
  readonly config: RawConfig;
  readonly special_tokens_map?: RawConfig;
  readonly added_tokens?: RawConfig;
}

export interface AddedTokenEntry {
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

const NAMES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/** tokenizer_config.json with what special_tokens_map.json says, where that is read at all. */
export function namedTokens({ config, special_tokens_map }: BesideTokenizer): RawConfig {
  return isOlder(config) ? { ...config, ...special_tokens_map } : config;
}

function isOlder(config: RawConfig): boolean {
  return config.added_tokens_decoder === undefined;
}

/**
 * In the order in which they are added, which gives those that the vocabulary lacks their ids; one that comes again has the
 * flags that it has last.
 * @param own Tokens of tokenizer.json, by the ids that it gives them.
 */
export function tokensBeside(beside: BesideTokenizer, own: ReadonlyMap<number, AddedTokenEntry>): AddedTokenEntry[] {
  const { named, extra } = specialTokens(beside);
  const names = new Set(named.map(contentOf));
  const listed = listedTokens(beside, own, (token) => entryOf(token, names.has(contentOf(token))));
  const known = new Set([...own.values(), ...listed].map(({ content }) => content));
  const others = [...new Set([...named, ...extra])].map((value) => entryOf(value, names.has(contentOf(value))));
  const added = others.filter((token) => token !== undefined).filter(({ content }) => !known.has(content));
  return [...listed, ...added];
}

/** Of the tokens that have a name, or are listed as special. */
export function specialContents(beside: BesideTokenizer): string[] {
  const { named, extra } = specialTokens(beside);
  return [...new Set([...named, ...extra].map(contentOf))].filter((content) => content !== undefined);
}

function specialTokens(beside: BesideTokenizer): { named: unknown[]; extra: unknown[] } {
  const settings = namedTokens(beside);
  return {
    named: Object.values({ ...pick(settings, NAMES), ...modelTokens(settings) }),
    extra: extraTokens(beside.config) ?? extraTokens(settings) ?? [],
  };
}

/** Those with ids: of `added_tokens_decoder`, else of added_tokens.json, over which tokenizer.json's own go. */
function listedTokens(
  beside: BesideTokenizer,
  own: ReadonlyMap<number, AddedTokenEntry>,
  read: (token: unknown) => AddedTokenEntry | undefined,
): AddedTokenEntry[] {
  const { added_tokens_decoder } = beside.config;
  const listed: (readonly [number, unknown])[] = isOlder(beside.config)
    ? [...olderTokens(beside), ...own]
    : Object.entries(isObject(added_tokens_decoder) ? added_tokens_decoder : {}).map(([id, token]) => [
        Number(id),
        token,
      ]);
  return [...new Map(listed)]
    .sort(([a], [b]) => a - b)
    .map(([, token]) => read(token))
    .filter((token) => token !== undefined);
}

/** Of added_tokens.json. Names that tokenizer_config.json writes with flags are not known as special when it is read. */
function olderTokens(beside: BesideTokenizer): [number, AddedTokenEntry | undefined][] {
  const values = [...Object.values(pick(namedTokens(beside), NAMES)), ...(extraTokens(beside.config) ?? [])];
  const special = new Set(values.filter((value) => !isObject(value) || !value.__type).map(contentOf));
  return Object.entries(beside.added_tokens ?? {}).map(([content, id]) => [
    Number(id),
    entryOf({ content, special: special.has(content) }, false),
  ]);
}

/** Names of a family's own (`image_token`), and those of an object of extra ones. */
function modelTokens(settings: RawConfig): RawConfig {
  const { extra_special_tokens: extra } = settings;
  const own = Object.entries(settings).filter(
    ([key, value]) => key.endsWith('_token') && !NAMES.includes(key) && contentOf(value) !== undefined,
  );
  return { ...Object.fromEntries(own), ...(isObject(extra) && !Array.isArray(extra) ? extra : {}) };
}

function extraTokens({
  extra_special_tokens: extra,
  additional_special_tokens: older,
}: RawConfig): unknown[] | undefined {
  if (Array.isArray(extra) && extra.length > 0) return extra;
  return Array.isArray(older) ? older : undefined;
}

/** @param special Whatever the token says of itself. A bare text always is. */
function entryOf(value: unknown, special: boolean): AddedTokenEntry | undefined {
  const content = contentOf(value);
  if (content === undefined) return undefined;
  const flags: RawConfig = isObject(value) ? value : { special: true };
  const isSpecial = special || flags.special === true;
  return {
    content,
    single_word: flags.single_word === true,
    lstrip: flags.lstrip === true,
    rstrip: flags.rstrip === true,
    // What an AddedToken is where nothing is said.
    normalized: typeof flags.normalized === 'boolean' ? flags.normalized : !isSpecial,
    special: isSpecial,
  };
}

/** Of a text, or of an object with its flags. */
export function contentOf(value: unknown): string | undefined {
  const content = isObject(value) ? value.content : value;
  return typeof content === 'string' ? content : undefined;
}

function pick(settings: RawConfig, keys: readonly string[]): RawConfig {
  return Object.fromEntries(keys.filter((key) => key in settings).map((key) => [key, settings[key]]));
}

function isObject(value: unknown): value is RawConfig {
  return typeof value === 'object' && value !== null;
}
