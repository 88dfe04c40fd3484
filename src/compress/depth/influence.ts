/**
 * @file How much consecutive layers turn the residual stream: the mean over tokens of 1 − cos between what goes in and what
 * comes out. Of single layers this is the block influence of ShortGPT (arXiv 2403.03853), of several the distance by which
 * ReplaceMe (arXiv 2505.02819) chooses.
 */
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { runLayer } from '../../runtime/layer_parts.ts';
import { RotaryCache } from '../../runtime/model_pass.ts';
import { BatchStates } from '../../runtime/spill.ts';
import { freeDeviceLayer, WeightLoader } from '../../runtime/weights.ts';
import type { PassContext } from '../method.ts';
import { embedded } from './stream.ts';

/** Entry i is of the layers i … i + span − 1. Runs the text through the model once. */
export async function influences(
  arena: Arena,
  model: DecoderModel,
  span: number,
  context: PassContext,
): Promise<number[]> {
  const { backend } = arena;
  const { calibration, signal, spill, observer } = context;
  const loader = new WeightLoader(arena, true);
  const rotary = new RotaryCache(arena, calibration.seqlen);
  // The states before each of the latest layers wait beside those at hand.
  const share = spill && { ...spill, budgetBytes: Math.floor(spill.budgetBytes / (span + 1)) };
  const { states, batches } = await embedded(arena, loader, model, context, share);
  const waiting: BatchStates[] = [];
  const found: number[] = [];
  for (const layer of model.layers) {
    const weights = await loader.layer(layer);
    const turned = layer.attention.rotary && rotary.get(layer.attention.rotary);
    const before = new BatchStates(arena, share);
    waiting.push(before);
    const first = waiting.length === span ? waiting.shift() : undefined;
    const sum = { distance: 0, tokens: 0 };
    for (let i = 0; i < batches; i++) {
      throwIfCancelled(signal);
      const x = await states.take(i);
      const copy = arena.empty(x.shape, 'states_before_layer');
      backend.copy(x, copy);
      await before.put(i, copy);
      const y = runLayer(arena, layer, weights, turned, calibration.seqlen, x);
      if (first) {
        const start = await first.take(i);
        addDistance(sum, await backend.read(start), await backend.read(y), model.config.hidden_size);
        arena.free(start);
      }
      await states.put(i, y);
      await backend.sync();
      observer.onProgress({
        fraction: (layer.index + (i + 1) / batches) / model.layers.length,
        layer: layer.index,
        layers: model.layers.length,
        step: 'influence',
        tokens: calibration.seqlen * calibration.count * layer.index,
      });
    }
    await first?.clear();
    await loader.assertFinite();
    freeDeviceLayer(arena, weights);
    if (first) found.push(sum.distance / sum.tokens);
  }
  for (const each of [states, ...waiting]) await each.clear();
  return found;
}

/** As torch's cosine_similarity: a row without length has the cosine 0. */
function addDistance(
  sum: { distance: number; tokens: number },
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  size: number,
): void {
  for (let row = 0; row < from.length; row += size) {
    let [product, a, b] = [0, 0, 0];
    for (let i = row; i < row + size; i++) {
      product += from[i] * to[i];
      a += from[i] * from[i];
      b += to[i] * to[i];
    }
    sum.distance += 1 - product / Math.max(Math.sqrt(a * b), 1e-8);
    sum.tokens++;
  }
}
