/**
 * @file How fast a model gives one token after another: products of a single row, layer by layer with its weights on the
 * device, so that reading them from where they wait does not count. Attention over the tokens before is left out: there is no
 * cache of keys and values here, and its share of a short text is small.
 */
import type { Backend } from '../backend/backend.ts';
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { withArena } from './arena.ts';
import { fastest, timeHead } from './head.ts';
import { runLayer } from './layer_parts.ts';
import { RotaryCache } from './model_pass.ts';
import { freeDeviceLayer, WeightLoader } from './weights.ts';

/** Tokens per second. */
export function decodeRate(backend: Backend, model: DecoderModel, signal?: AbortSignal): Promise<number> {
  return withArena(backend, async (arena) => {
    const loader = new WeightLoader(arena, false, true);
    const rotary = new RotaryCache(arena, 1);
    const row = (width: number) =>
      arena.own(backend.fromArray(new Float32Array(width).fill(0.1), [1, width], 'token_states'));
    let ms = 0;
    for (const layer of model.layers) {
      throwIfCancelled(signal);
      const weights = await loader.layer(layer);
      const table = layer.attention.rotary && rotary.get(layer.attention.rotary);
      const width = layer.attention.q_proj.weight.shape[1];
      ms += await fastest(arena, () => arena.free(runLayer(arena, layer, weights, table, 1, row(width))));
      freeDeviceLayer(arena, weights);
      arena.freeWorkspace();
    }
    const input = row(model.lm_head.weight.shape[1]);
    ms += await timeHead(arena, loader, model, input);
    return 1000 / Math.max(ms, 1e-3);
  });
}
