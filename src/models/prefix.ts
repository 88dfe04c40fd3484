/** @file Whether the first tokens of a text are computed alike with and without what comes after them. */
import type { DecoderModel } from './decoder_model.ts';
import { linearsOf } from './input_quantization.ts';

/**
 * Attention looks backwards only, so the logits of a text's first `tokens` are those of the same tokens in a text of `length`, but
 * where something is chosen by the whole text: LongRoPE's frequencies by its length, and the features that LLM.int8() leaves as
 * floats by the tokens that they are large in.
 */
export function ignoresWhatFollows<W>(
  { layers }: Pick<DecoderModel<W>, 'layers'>,
  tokens: number,
  length: number,
): boolean {
  return layers.every((layer) => {
    const beyond = layer.attention.rotary?.long?.beyond;
    if (beyond !== undefined && tokens <= beyond && length > beyond) return false;
    return linearsOf(layer).every(({ input }) => input?.kind !== 'token' || input.keep_above === undefined);
  });
}
