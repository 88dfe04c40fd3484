/** @file Where windows of text begin with the beginning-of-sequence token, and what is usual for a model. */
import { WhittleError } from '../../errors/errors.ts';
import type { Tokenizer } from './tokenizer.ts';

/**
 * `none`: nowhere. `first`: once, before the text. `each`: every window of T tokens is BOS and T − 1 tokens of the text.
 * What a tokenizer puts behind a text (EOS) is in none of them: a window is cut out of running text.
 */
export type BosMode = 'none' | 'first' | 'each';

export const BOS_MODES: readonly BosMode[] = ['none', 'first', 'each'];

/** For protocols. */
export function bosText(mode: BosMode): string {
  return { none: 'no BOS', first: 'BOS once before the text', each: 'BOS before each window' }[mode];
}

/** Families that compute something else entirely where the first token is not BOS. */
const BOS_IN_EACH = /^gemma/;

/**
 * The mode of a job.
 * @param wanted Absent or `auto`: what is usual for the family, else what the tokenizer does by itself.
 * @throws `bad_option` where the tokenizer has no such token.
 */
export function resolveBos(
  wanted: BosMode | 'auto' | undefined,
  model_type: string,
  { bos, adds_bos }: Pick<Tokenizer, 'bos' | 'adds_bos'>,
): BosMode {
  if (wanted === undefined || wanted === 'auto') {
    if (bos.length === 0) return 'none';
    return BOS_IN_EACH.test(model_type) ? 'each' : adds_bos ? 'first' : 'none';
  }
  if (!BOS_MODES.includes(wanted)) {
    throw new WhittleError({
      code: 'bad_option',
      message: `bos is "${String(wanted)}".`,
      place: { field: 'bos' },
      allowed: BOS_MODES.join(', '),
    });
  }
  if (wanted === 'none' || bos.length > 0) return wanted;
  throw new WhittleError({
    code: 'bad_option',
    message: `Windows were asked to begin with BOS (${wanted}), but this tokenizer has no such token: its post-processor adds none and tokenizer_config.json names none.`,
    place: { field: 'bos' },
    allowed: 'none',
    action: 'Leave the option out, or add bos_token to tokenizer_config.json if the model was trained with one.',
  });
}
