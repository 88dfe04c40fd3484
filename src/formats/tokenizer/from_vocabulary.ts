/**
 * @file tokenizer.json from vocab.json and merges.txt, for repositories that have no other (OPT's own, older GPT-2s): as
 * transformers 5 builds it for the class that tokenizer_config.json names.
 */
import { WhittleError } from '../../errors/errors.ts';
import { type RawConfig, readJsonObject } from '../hf/config.ts';
import { type ByteSource, jsonSource } from '../source.ts';
import { BYTE_CHARACTERS } from './byte_level.ts';

export interface VocabularyFiles {
  vocab: ByteSource;
  merges: ByteSource;
  tokenizer_config?: ByteSource;
  special_tokens_map?: ByteSource;
  /** For `model_type`, where no class is named. */
  config?: ByteSource;
}

export interface BuiltTokenizerJson {
  tokenizer: ByteSource;
  warnings: string[];
}

interface Recipe {
  normalizer: object | null;
  pre_tokenizer(prefixed: boolean): object;
  /** Special tokens where the files name none. */
  bos?: string;
  eos: string;
  unk: string;
}

const byteLevel = (add_prefix_space: boolean, use_regex = true) => ({
  type: 'ByteLevel',
  add_prefix_space,
  trim_offsets: true,
  use_regex,
});

const END = '<|endoftext|>';
const GPT2: Recipe = {
  normalizer: null,
  pre_tokenizer: (prefixed) => byteLevel(prefixed),
  bos: END,
  eos: END,
  unk: END,
};
const QWEN2_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** By class, without "Fast". */
const RECIPES: Readonly<Record<string, Recipe>> = {
  GPT2Tokenizer: GPT2,
  CodeGenTokenizer: GPT2,
  GPTNeoXTokenizer: { ...GPT2, normalizer: { type: 'NFC' } },
  Qwen2Tokenizer: {
    ...GPT2,
    bos: undefined,
    normalizer: { type: 'NFC' },
    pre_tokenizer: (prefixed) => ({
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_PATTERN }, behavior: 'Isolated', invert: false },
        byteLevel(prefixed, false),
      ],
    }),
  },
};

/** Classes that say nothing of how text is cut. */
const GENERIC = ['PreTrainedTokenizer', 'TokenizersBackend'];

/** The class of a family, where tokenizer_config.json names none. */
const CLASSES: Readonly<Record<string, string>> = {
  gpt2: 'GPT2Tokenizer',
  opt: 'GPT2Tokenizer',
  starcoder2: 'GPT2Tokenizer',
  gptj: 'GPT2Tokenizer',
  phi: 'CodeGenTokenizer',
  codegen: 'CodeGenTokenizer',
  gpt_neox: 'GPTNeoXTokenizer',
  qwen2: 'Qwen2Tokenizer',
  qwen3: 'Qwen2Tokenizer',
};

/** Throws `bad_tokenizer`, `bad_config`. */
export async function tokenizerFromVocabulary(files: VocabularyFiles): Promise<BuiltTokenizerJson> {
  const read = async (source?: ByteSource): Promise<RawConfig> => (source ? await readJsonObject(source) : {});
  const [vocab, settings, named, config] = [
    await readJsonObject(files.vocab),
    await read(files.tokenizer_config),
    await read(files.special_tokens_map),
    await read(files.config),
  ];
  const { recipe, warnings } = recipeFor(settings, config, vocab, files.vocab.name);
  const merges = decodeMerges(await files.merges.read(0, files.merges.size));
  const specials = specialTokens({ ...named, ...settings }, recipe);
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...addedTokens(settings), ...specials.tokens],
    normalizer: recipe.normalizer,
    pre_tokenizer: recipe.pre_tokenizer(settings.add_prefix_space === true),
    post_processor: template(specials, settings, vocab),
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
  return { tokenizer: jsonSource('tokenizer.json', json), warnings };
}

/** What to do where the two files do not tell enough. */
export const CONVERT = 'Make one: AutoTokenizer.from_pretrained(folder).save_pretrained(folder) writes tokenizer.json.';

function recipeFor(settings: RawConfig, config: RawConfig, vocab: RawConfig, file: string) {
  const named =
    typeof settings.tokenizer_class === 'string' ? settings.tokenizer_class.replace(/Fast$/, '') : undefined;
  const generic = named === undefined || GENERIC.includes(named);
  const type = generic ? CLASSES[String(config.model_type)] : named;
  const found = type !== undefined && Object.hasOwn(RECIPES, type) ? RECIPES[type] : undefined;
  if (found) return { recipe: found, warnings: [] };
  if (generic && type === undefined && BYTE_CHARACTERS.every((each) => Object.hasOwn(vocab, each))) {
    const warning =
      'There is no tokenizer.json; it was built from vocab.json and merges.txt as GPT-2’s, because nothing says how text is cut. If the model cuts otherwise, its tokens differ.';
    return { recipe: GPT2, warnings: [warning] };
  }
  throw new WhittleError({
    code: 'bad_tokenizer',
    message: `There is no tokenizer.json, and vocab.json with merges.txt is not enough for ${named ?? 'a vocabulary that is not of bytes'}.`,
    place: { file, field: 'tokenizer_class' },
    allowed: Object.keys(RECIPES).join(', '),
    action: CONVERT,
  });
}

function decodeMerges(bytes: Uint8Array): string[] {
  return new TextDecoder()
    .decode(bytes)
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('#version'));
}

interface AddedToken {
  id: number;
  content: string;
  single_word: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** Ids are those that the library counts, so the written one does not matter. */
function tokenOf(value: unknown, special: boolean): AddedToken | undefined {
  const flags = typeof value === 'object' && value !== null ? (value as RawConfig) : {};
  const content = typeof value === 'string' ? value : flags.content;
  if (typeof content !== 'string') return undefined;
  const flag = (key: string) => flags[key] === true;
  return {
    id: 0,
    content,
    single_word: flag('single_word'),
    lstrip: flag('lstrip'),
    rstrip: flag('rstrip'),
    normalized: flag('normalized'),
    special: special || flag('special'),
  };
}

function addedTokens({ added_tokens_decoder: listed }: RawConfig): AddedToken[] {
  return Object.entries(typeof listed === 'object' && listed !== null ? listed : {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, value]) => tokenOf(value, false))
    .filter((token) => token !== undefined);
}

interface Specials {
  tokens: AddedToken[];
  bos?: string;
  eos?: string;
}

function specialTokens(named: RawConfig, { bos, eos, unk }: Recipe): Specials {
  const choose = (key: string, fallback?: string) => (named[key] === undefined ? fallback : named[key]);
  const [first, last] = [tokenOf(choose('bos_token', bos), true), tokenOf(choose('eos_token', eos), true)];
  const others = [choose('unk_token', unk), named.sep_token, named.pad_token, named.cls_token, named.mask_token];
  const tokens = [first, last, ...others.map((value) => tokenOf(value, true))].filter((token) => token !== undefined);
  const distinct = tokens.filter(({ content }, i) => tokens.findIndex((token) => token.content === content) === i);
  return { tokens: distinct, bos: first?.content, eos: last?.content };
}

/** Which of BOS and EOS go around a text; their ids, as the library will count them. */
function template({ tokens, bos, eos }: Specials, settings: RawConfig, vocab: RawConfig): object | null {
  const before = settings.add_bos_token === true ? bos : undefined;
  const behind = settings.add_eos_token === true ? eos : undefined;
  if (before === undefined && behind === undefined) return null;
  const added = [...addedTokens(settings), ...tokens].map(({ content }) => content);
  const fresh = [...new Set(added)].filter((content) => !Object.hasOwn(vocab, content));
  const idOf = (content: string) =>
    Object.hasOwn(vocab, content) ? vocab[content] : Object.keys(vocab).length + fresh.indexOf(content);
  const item = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const used = [before, behind].filter((content) => content !== undefined);
  return {
    type: 'TemplateProcessing',
    single: [
      ...(before === undefined ? [] : [item(before)]),
      { Sequence: { id: 'A', type_id: 0 } },
      ...(behind === undefined ? [] : [item(behind)]),
    ],
    pair: [],
    special_tokens: Object.fromEntries(used.map((id) => [id, { id, ids: [idOf(id)], tokens: [id] }])),
  };
}
