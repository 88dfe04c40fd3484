/** @file The name under which llama.cpp knows a tokenizer's way of cutting text: `tokenizer.ggml.pre`. */
import { CONTRACTIONS, PRE_TOKENIZERS, type PreTokenizer } from '../../../formats/gguf/tokenizer/pre_tokenizers.ts';
import { NotCarried, objectOf, type TokenizerJson } from './token_table.ts';

/** Other spellings of {@link CONTRACTIONS}. */
const SPELLINGS = ["(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)"];

/** Throws {@link NotCarried} for a way that no name stands for: llama.cpp would give other ids, without an error. */
export function preType(json: TokenizerJson): string {
  const { ignore_merges } = objectOf(json.model);
  const wanted = described({
    parts: flat(json.pre_tokenizer, 'pretokenizers'),
    normalizer: normalizerOf(json),
    ignore_merges: ignore_merges === true,
  });
  const found = Object.entries(PRE_TOKENIZERS).find(([, known]) => described(known) === wanted);
  if (!found) throw new NotCarried('its tokenizer cuts text in a way that has no name in llama.cpp');
  return found[0];
}

function normalizerOf({ normalizer }: TokenizerJson): PreTokenizer['normalizer'] {
  const steps = flat(normalizer, 'normalizers').map(({ type }) => type);
  if (steps.length === 0) return undefined;
  if (steps.length === 1 && steps[0] === 'NFC') return 'NFC';
  throw new NotCarried(`its tokenizer changes text first (${steps.join(', ')})`);
}

/** Steps of a pipeline, sequences within sequences taken apart. */
function flat(step: unknown, inner: 'pretokenizers' | 'normalizers'): Readonly<Record<string, unknown>>[] {
  if (step === null || step === undefined) return [];
  const object = objectOf(step);
  if (object.type !== 'Sequence') return [object];
  return ((object[inner] ?? []) as readonly unknown[]).flatMap((part) => flat(part, inner));
}

/** All that makes a difference, as text: equal texts cut alike. */
function described({ parts, normalizer = undefined, ignore_merges = false }: Omit<PreTokenizer, 'add_bos'>): string {
  const steps = parts.map((part) => step(objectOf(part), parts.length));
  return JSON.stringify([normalizer ?? null, ignore_merges, steps]);
}

function step(part: Readonly<Record<string, unknown>>, steps: number): unknown {
  switch (part.type) {
    case 'ByteLevel':
      return ['ByteLevel', part.add_prefix_space ?? true, part.use_regex ?? true];
    case 'Digits':
      return ['Digits', part.individual_digits ?? false];
    case 'Punctuation':
      return ['Punctuation', part.behavior ?? 'Isolated'];
    case 'Split': {
      const { pattern, behavior, invert } = part;
      const { Regex } = objectOf(pattern);
      if (typeof Regex !== 'string') return part;
      const spelled = SPELLINGS.reduce((text, other) => text.replaceAll(other, CONTRACTIONS), Regex);
      // Where one expression matches every letter, dropping what lies between its matches drops nothing.
      const covers = steps <= 2 && spelled.endsWith('|\\s+') && behavior === 'Removed' && invert === true;
      return ['Split', spelled, covers ? ['Isolated', false] : [behavior, invert ?? false]];
    }
    default:
      return part;
  }
}
