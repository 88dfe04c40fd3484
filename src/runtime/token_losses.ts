/** @file What a model gives each token of one text, after those before it: the parts of a perplexity. */
import type { Backend } from '../backend/backend.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { withArena } from './arena.ts';
import { headInputs, tokenLosses } from './head.ts';
import { runLayers } from './model_pass.ts';
import { nextTokens } from './perplexity.ts';
import { WeightLoader } from './weights.ts';
import type { TokenWindows } from './windows.ts';

export interface TokenLossOptions {
  signal?: AbortSignal;
  /** Share of all layers done. */
  onProgress?(fraction: number, layer: number): void;
}

/**
 * @param ids (T) of one text, T ≥ 2.
 * @returns −log p of tokens 1 … T − 1, (T − 1), in nats; NaN where activations overflow.
 * @throws `cancelled`, and what the backend throws.
 */
export async function textLosses(
  backend: Backend,
  model: DecoderModel,
  ids: Uint32Array,
  { signal, onProgress }: TokenLossOptions = {},
): Promise<Float64Array> {
  const windows: TokenWindows = { seqlen: ids.length, count: 1, ids, totalTokens: ids.length };
  const batch = { first: 0, count: 1 };
  return withArena(backend, async (arena) => {
    const loader = new WeightLoader(arena, false, true);
    const steps = model.layers.length + 1;
    const onLayer = async (layer: number) => onProgress?.((layer + 1) / steps, layer);
    const hidden = await runLayers(arena, loader, model, windows, [batch], { onLayer }, signal);
    const inputs = await headInputs(arena, loader, model, hidden);
    const [losses] = await tokenLosses(arena, loader, model, inputs, [nextTokens(windows, batch)], { signal });
    return losses.slice(0, ids.length - 1);
  });
}
