/**
 * @file Tokenizers of the kind `llama`: SentencePiece BPE with byte fallback. The file has no merges but a score a token;
 * SentencePiece merges the neighbours whose joined text has the best score, so every way to cut a token into two tokens
 * is a merge, ranked by the score of the whole. Source: SentencePiece's bpe_model.cc and llama.cpp's llm_tokenizer_spm.
 */
import type { GgufMetadata } from '../metadata.ts';
import type { BuiltTokenizer } from './byte_level.ts';
import { addedTokens, badTokens, postProcessor, TOKEN_TYPE, tokenIds, type Vocabulary } from './vocabulary.ts';

const SCORES_KEY = 'tokenizer.ggml.scores';
const SPACE = '▁';

export function sentencePieceTokenizer(metadata: GgufMetadata, vocabulary: Vocabulary): BuiltTokenizer {
  const { special, tokens } = vocabulary;
  const scores = readScores(metadata, tokens.length);
  const prefix = metadata.bool('tokenizer.ggml.add_space_prefix') ?? true;
  const bos =
    (metadata.bool('tokenizer.ggml.add_bos_token') ?? true) ? (special.bos ?? idOf(vocabulary, '<s>')) : undefined;
  const eos = metadata.bool('tokenizer.ggml.add_eos_token') ? (special.eos ?? idOf(vocabulary, '</s>')) : undefined;
  const unknown = special.unknown ?? firstOfType(vocabulary, TOKEN_TYPE.unknown);
  const replaceSpace = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  const decoders = [
    { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  return {
    json: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      normalizer: prefix
        ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, replaceSpace] }
        : replaceSpace,
      pre_tokenizer: null,
      post_processor: postProcessor(vocabulary, bos, eos),
      decoder: { type: 'Sequence', decoders },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: unknown === undefined ? null : tokens[unknown],
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: true,
        ignore_merges: false,
        vocab: tokenIds(vocabulary),
        merges: rankedMerges(vocabulary, scores),
      },
    },
    add_bos: bos !== undefined,
    add_eos: eos !== undefined,
    warnings: [],
  };
}

/** Every cut of a token into two tokens, best score of the whole first. Cuts of one token: by the ids of the parts. */
export function rankedMerges({ tokens, types, ids }: Vocabulary, scores: readonly number[]): [string, string][] {
  const merges: { left: number; right: number; id: number }[] = [];
  // Looking a part up takes its length: a token of a million letters must not be cut in all ways.
  const lengths = new Set(tokens.map((token) => token.length));
  for (const [id, token] of tokens.entries()) {
    if (types[id] !== TOKEN_TYPE.normal && types[id] !== TOKEN_TYPE.user_defined) continue;
    for (let cut = 1; cut < token.length; cut++) {
      if (!lengths.has(cut) || !lengths.has(token.length - cut)) continue;
      const unit = token.charCodeAt(cut);
      if (unit >= 0xdc00 && unit < 0xe000) continue; // inside a letter of two UTF-16 units
      const left = ids.get(token.slice(0, cut));
      const right = ids.get(token.slice(cut));
      if (left !== undefined && right !== undefined) merges.push({ left, right, id });
    }
  }
  merges.sort((a, b) => scores[b.id] - scores[a.id] || a.id - b.id || a.left - b.left || a.right - b.right);
  return merges.map(({ left, right }) => [tokens[left], tokens[right]]);
}

function readScores(metadata: GgufMetadata, count: number): number[] {
  const scores = metadata.has(SCORES_KEY) ? metadata.numbers(SCORES_KEY) : undefined;
  const value = metadata.get(SCORES_KEY);
  const isFloat = value?.type === 'array' && value.of === 'float32';
  if (!scores || !isFloat || scores.length !== count || scores.some(Number.isNaN)) {
    throw badTokens(
      metadata.file,
      `${SCORES_KEY} is ${metadata.show(SCORES_KEY)}.`,
      SCORES_KEY,
      `an array of ${count} float32, one a token`,
    );
  }
  return scores;
}

function idOf({ ids, types }: Vocabulary, token: string): number | undefined {
  const id = ids.get(token);
  return id !== undefined && types[id] === TOKEN_TYPE.control ? id : undefined;
}

function firstOfType({ types }: Vocabulary, type: number): number | undefined {
  const id = types.indexOf(type);
  return id < 0 ? undefined : id;
}
