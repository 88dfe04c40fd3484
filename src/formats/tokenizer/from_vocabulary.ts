/**
 * @file tokenizer.json from vocab.json and merges.txt, for repositories that have no other (OPT's own, older GPT-2s): as
 * transformers 5 builds it for the class that tokenizer_config.json names.
 */
import { WhittleError } from '../../errors/errors.ts';
import { type RawConfig, readJsonObject } from '../hf/config.ts';
import { type ByteSource, jsonSource } from '../source.ts';
import { BYTE_CHARACTERS } from './byte_level.ts';
import { type AddedTokenEntry, contentOf, namedTokens, specialContents, tokensBeside } from './config_tokens.ts';

export interface VocabularyFiles {
  vocab: ByteSource;
  merges: ByteSource;
  tokenizer_config?: ByteSource;
  special_tokens_map?: ByteSource;
  added_tokens?: ByteSource;
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
  pad?: string;
  /** Special tokens lose what white space they take: the class adds them once more, by their texts alone. */
  bare_specials?: boolean;
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
  GPTNeoXTokenizer: { ...GPT2, pad: '<|padding|>', normalizer: { type: 'NFC' } },
  Qwen2Tokenizer: {
    ...GPT2,
    bos: undefined,
    pad: END,
    bare_specials: true,
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
  const [vocab, settings, special_tokens_map, added, config] = [
    await readJsonObject(files.vocab),
    await read(files.tokenizer_config),
    await read(files.special_tokens_map),
    await read(files.added_tokens),
    await read(files.config),
  ];
  const { recipe, warnings } = recipeFor(settings, config, vocab, files.vocab.name);
  const merges = decodeMerges(await files.merges.read(0, files.merges.size));
  const { bos: bos_token, eos: eos_token, unk: unk_token, pad: pad_token } = recipe;
  const usual = Object.entries({ bos_token, eos_token, unk_token, pad_token });
  const defaults = Object.fromEntries(usual.filter(([, token]) => token !== undefined));
  const beside = { config: { ...defaults, ...settings }, special_tokens_map, added_tokens: added };
  const again = recipe.bare_specials ? specialContents(beside).map(bareSpecial) : [];
  const tokens = [...tokensBeside(beside, new Map()), ...again];
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    // Ids are those that the library counts, so the written one does not matter.
    added_tokens: tokens.map((token) => ({ id: 0, ...token })),
    normalizer: recipe.normalizer,
    pre_tokenizer: recipe.pre_tokenizer(settings.add_prefix_space === true),
    post_processor: template(tokens, namedTokens(beside), vocab),
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
  // Whatever class a Qwen 2 names, transformers takes its own.
  const type = generic || config.model_type === 'qwen2' ? CLASSES[String(config.model_type)] : named;
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

function bareSpecial(content: string): AddedTokenEntry {
  return { content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

/** Which of BOS and EOS go around a text; their ids, as the library will count them. */
function template(tokens: readonly AddedTokenEntry[], settings: RawConfig, vocab: RawConfig): object | null {
  const before = settings.add_bos_token === true ? contentOf(settings.bos_token) : undefined;
  const behind = settings.add_eos_token === true ? contentOf(settings.eos_token) : undefined;
  if (before === undefined && behind === undefined) return null;
  const added = tokens.map(({ content }) => content);
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
