/**
 * @file Text that a model writes itself, as LLM-QAT trains on (arXiv 2305.17888, §2.1): a token drawn from the vocabulary, the likeliest
 * ones after it, then tokens drawn from the model's distribution, so that texts begin sensibly and still differ.
 */
import type { Backend } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { generate } from '../../runtime/generate.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { uniform } from '../train/random.ts';

/** Likeliest tokens at the beginning. */
const DETERMINISTIC = 4;

export interface OwnTextOptions {
  readonly windows: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  onProgress(fraction: number): void;
}

/**
 * @param like Windows of text: of the same length, and beginning with the same token where all of these do.
 * @returns Windows of the model's own, (windows, seqlen).
 * @throws `cancelled`, and what the backend throws.
 */
export async function ownText(
  backend: Backend,
  model: DecoderModel,
  like: TokenWindows,
  { windows, seed, signal, onProgress }: OwnTextOptions,
): Promise<TokenWindows> {
  const { seqlen } = like;
  const first = like.ids[0];
  const isShared =
    like.count > 1 && Array.from({ length: like.count }, (_, i) => like.ids[i * seqlen]).every((id) => id === first);
  const ids = new Uint32Array(windows * seqlen);
  const vocabulary = model.embed_tokens.weight.shape[0];
  for (let i = 0; i < windows; i++) {
    const next = uniform(seed, 5, i);
    let text = [...(isShared ? [first] : []), Math.floor(next() * vocabulary)].slice(0, seqlen);
    const grow = async (count: number, temperature: number) => {
      if (count < 1) return;
      const sampling = { temperature, top_k: 0, top_p: 1, seed: Math.floor(next() * 2 ** 32) };
      text = [...text, ...(await generate(backend, model, text, count, { sampling, signal }))];
    };
    await grow(Math.min(DETERMINISTIC, seqlen - text.length), 0);
    await grow(seqlen - text.length, 1);
    ids.set(text, i * seqlen);
    onProgress((i + 1) / windows);
  }
  return { seqlen, count: windows, ids, totalTokens: ids.length };
}
