/**
 * @file How text is cut before byte-level BPE, by `tokenizer.ggml.pre`: as the tokenizer.json of the models that the type
 * is named after do it. Sources: those files, and the list of types in llama.cpp (llama-vocab.cpp).
 */

export interface PreTokenizer {
  /** Parts of a Sequence in tokenizer.json, ByteLevel among them. */
  readonly parts: readonly object[];
  readonly normalizer?: 'NFC';
  /** A piece that is a token is not merged up to. */
  readonly ignore_merges?: boolean;
  /** Where the file does not say. */
  readonly add_bos?: boolean;
}

/** Matches and what lies between them become pieces. */
const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });
/** Bytes become letters; `use_regex` cuts by GPT-2's expression first. */
const byteLevel = (use_regex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});
/** Cuts by one expression after another, then bytes become letters. */
const cutBy = (...expressions: string[]): PreTokenizer => ({ parts: [...expressions.map(split), byteLevel(false)] });
const digits = { type: 'Digits', individual_digits: true };

/** English contractions in either case, spelled out because not every engine knows (?i:…). */
export const CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** tiktoken's cl100k: contractions, words with one sign before them, digits by `number`, signs, line ends, spaces. */
const cl100k = (number: string) =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${number}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** tiktoken's o200k: words are cut where lower case is followed by upper case. */
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const o200k = (suffix: string, number: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${suffix}|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${suffix}|${number}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const DEEPSEEK_WORDS =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

const gpt2: PreTokenizer = { parts: [byteLevel(true)] };
const gpt2Nfc: PreTokenizer = { ...gpt2, normalizer: 'NFC' };
const gpt2Digits: PreTokenizer = { parts: [digits, byteLevel(true)] };
const llama3 = cutBy(cl100k('\\p{N}{1,3}'));
const llama3Bpe: PreTokenizer = { ...llama3, ignore_merges: true, add_bos: true };
const qwen2 = cutBy(cl100k('\\p{N}'));
const BLOOM = ' ?[^(\\s|.,!?…。，、।۔،)]+';
const bloom = cutBy(BLOOM);
const gpt4o = cutBy(o200k(`${CONTRACTIONS}?`, '\\p{N}{1,3}'));

/** By `tokenizer.ggml.pre`. */
export const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  // What llama.cpp does for files that name no type.
  default: cutBy('[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2, '\\p{N}+', '[0-9][0-9][0-9]'),
  'gpt-2': gpt2,
  'phi-2': gpt2,
  jais: gpt2,
  gigachat: gpt2,
  'a.x-4.0': gpt2,
  mellum: gpt2,
  exaone4: gpt2,
  trillion: gpt2,
  'granite-docling': gpt2,
  mpt: gpt2Nfc,
  olmo: gpt2Nfc,
  smollm: gpt2Digits,
  starcoder: gpt2Digits,
  refact: gpt2Digits,
  'command-r': gpt2Digits,
  codeshell: gpt2Digits,
  exaone: gpt2Digits,
  'minerva-7b': gpt2Digits,
  mellum2: gpt2Digits,
  'llama-bpe': llama3Bpe,
  llama3: llama3Bpe,
  'llama-v3': llama3Bpe,
  falcon3: llama3Bpe,
  pixtral: llama3Bpe,
  lfm2: llama3Bpe,
  'midm-2.0': llama3Bpe,
  dbrx: llama3,
  'smaug-bpe': llama3,
  'chatglm-bpe': llama3,
  glm4: llama3,
  qwen2: { ...qwen2, normalizer: 'NFC' },
  'deepseek-r1-qwen': qwen2,
  megrez: qwen2,
  kormo: qwen2,
  stablelm2: qwen2,
  hunyuan: qwen2,
  'solar-open': qwen2,
  falcon: {
    parts: [
      { type: 'Punctuation', behavior: 'Contiguous' },
      byteLevel(true),
      { type: 'Digits', individual_digits: false },
      split('[0-9][0-9][0-9]'),
    ],
  },
  bloom,
  'poro-chat': bloom,
  'gpt3-finnish': bloom,
  viking: cutBy(BLOOM, '\\p{N}'),
  'deepseek-coder': cutBy('[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[一-龥ࠀ-一가-퟿]+', '\\p{N}'),
  'deepseek-v3': cutBy('\\p{N}{1,3}', '[一-龥぀-ゟ゠-ヿ]+', DEEPSEEK_WORDS),
  tekken: { ...cutBy(o200k('', '\\p{N}')), ignore_merges: true, add_bos: true },
  'gpt-4o': gpt4o,
  llama4: gpt4o,
  kanana2: gpt4o,
  talkie: gpt4o,
  'seed-coder': cutBy(
    `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  ),
  minicpm5: { ...cutBy('\\p{N}{1,3}', cl100k('\\p{N}+')), ignore_merges: true },
};
