/** @file Tokenizers of the kind `gpt2`: byte-level BPE, with merges in the file. */
import type { GgufMetadata } from '../metadata.ts';
import { PRE_TOKENIZERS } from './pre_tokenizers.ts';
import { addedTokens, badTokens, postProcessor, tokenIds, type Vocabulary } from './vocabulary.ts';

export interface BuiltTokenizer {
  /** In the form of tokenizer.json. */
  readonly json: object;
  readonly add_bos: boolean;
  readonly add_eos: boolean;
  readonly warnings: readonly string[];
}

const PRE_KEY = 'tokenizer.ggml.pre';
const MERGES_KEY = 'tokenizer.ggml.merges';

/** Throws `bad_tokenizer` for a way of cutting text that is not known: other ids would come out, not an error. */
export function byteLevelTokenizer(metadata: GgufMetadata, vocabulary: Vocabulary): BuiltTokenizer {
  const { file, special } = vocabulary;
  const type = metadata.text(PRE_KEY) ?? 'default';
  const pre = Object.hasOwn(PRE_TOKENIZERS, type) ? PRE_TOKENIZERS[type] : undefined;
  if (!pre) {
    const known = Object.keys(PRE_TOKENIZERS).join(', ');
    throw badTokens(
      file,
      `${PRE_KEY} is ${metadata.show(PRE_KEY)}, a way of cutting text that is not known.`,
      PRE_KEY,
      known,
      "Open the model's safetensors version, whose tokenizer.json says how text is cut.",
    );
  }
  const merges = metadata.strings(MERGES_KEY);
  if (!merges) throw badTokens(file, 'The file has no merges.', MERGES_KEY);
  // A tokenizer.json with a merge of absent tokens is refused; llama.cpp could not name what it gives.
  const usable = merges.map((merge) => known(pair(file, merge), vocabulary)).filter((merge) => merge !== undefined);
  const bos = (metadata.bool('tokenizer.ggml.add_bos_token') ?? pre.add_bos ?? false) ? special.bos : undefined;
  const eos = metadata.bool('tokenizer.ggml.add_eos_token') ? special.eos : undefined;
  return {
    json: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      normalizer: pre.normalizer ? { type: pre.normalizer } : null,
      pre_tokenizer: pre.parts.length > 1 ? { type: 'Sequence', pretokenizers: pre.parts } : pre.parts[0],
      post_processor: postProcessor(vocabulary, bos, eos),
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: pre.ignore_merges ?? false,
        vocab: tokenIds(vocabulary),
        merges: usable,
      },
    },
    add_bos: bos !== undefined,
    add_eos: eos !== undefined,
    warnings: [
      ...(usable.length < merges.length
        ? [
            `${merges.length - usable.length} of ${merges.length} merges name tokens that the vocabulary does not have, and are left out.`,
          ]
        : []),
      ...(metadata.has(PRE_KEY)
        ? []
        : [
            `The file does not say how text is cut before BPE (${PRE_KEY}); llama.cpp's default is used, which may differ from the model's own.`,
          ]),
    ],
  };
}

/** The same tokens as the table's own texts, which are looked up again without being hashed; undefined where one is absent. */
function known([left, right]: [string, string], { ids, tokens }: Vocabulary): [string, string] | undefined {
  const [first, second] = [ids.get(left), ids.get(right)];
  if (first === undefined || second === undefined || !ids.has(left + right)) return undefined;
  return [tokens[first], tokens[second]];
}

/** Two tokens; byte-level tokens hold no space, so the space between them is the only one. */
function pair(file: string, merge: string): [string, string] {
  // From the second letter on, as llama.cpp looks for it.
  const space = merge.indexOf(' ', 1);
  if (space < 0)
    throw badTokens(file, `The merge ${JSON.stringify(merge.slice(0, 60))} does not name two tokens.`, MERGES_KEY);
  return [merge.slice(0, space), merge.slice(space + 1)];
}
