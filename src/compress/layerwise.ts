/**
 * @file Drives a {@link LinearMethod} over all linears of a model: layer by layer, one layer resident, each linear's inputs
 * from everything that was changed before it. Without statistics and without `correct` the text is not run at all.
 */
import { throwIfCancelled } from '../backend/event_loop.ts';
import type { DecoderModel } from '../models/decoder_model.ts';
import { withArena } from '../runtime/arena.ts';
import type { Statistic } from '../statistics/statistics.ts';
import type { CorrectOptions } from './correct/correct.ts';
import { changeLinears, inputsOf } from './layerwise/change_linears.ts';
import { layerLinears, withWeights } from './layerwise/half.ts';
import { LayerwisePass } from './layerwise/pass.ts';
import type { LinearMethod } from './layerwise_types.ts';
import type { CompressedModel, PassContext, UnitReport } from './method.ts';
import { storedType } from './slicegpt/store.ts';

export async function layerwise<Options>(
  method: LinearMethod<Options>,
  model: DecoderModel,
  options: Options,
  context: PassContext,
): Promise<CompressedModel> {
  const wanted = new Set<Statistic>(method.statistics(options));
  const correct = context.before.find((step) => step.method === 'correct')?.options as CorrectOptions | undefined;
  if (wanted.size === 0 && !correct) return weightsAlone(method, model, options, context);
  return withArena(context.backend, (arena) =>
    new LayerwisePass(arena, method, model, options, wanted, correct, context).run(),
  );
}

/** What needs no inputs: a walk over the stored weights. */
async function weightsAlone<Options>(
  method: LinearMethod<Options>,
  model: DecoderModel,
  options: Options,
  context: PassContext,
): Promise<CompressedModel> {
  const dtype = storedType(model);
  const units: UnitReport[] = [];
  const layers = [];
  const count = model.layers.length;
  for (const layer of model.layers) {
    throwIfCancelled(context.signal);
    context.observer.onProgress({
      fraction: layer.index / count,
      layer: layer.index,
      layers: count,
      step: 'weights',
      tokens: 0,
    });
    const none = { size: 0, tokens: 0 };
    const { linears } = await changeLinears(method, options, layer, layerLinears(layer), none, context, dtype);
    units.push(...linears.map(({ unit }) => unit));
    const weights = new Map(linears.map(({ name, weight }) => [name, weight]));
    layers.push(withWeights(layer, weights, inputsOf(linears)));
  }
  return { model: { ...model, layers }, sites: [], units };
}
