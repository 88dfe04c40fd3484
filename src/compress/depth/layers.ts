/** @file A model with fewer layers: the same for plans and for the real thing. */
import type { DecoderLayer, DecoderModel, WeightOutline, WeightRef } from '../../models/decoder_model.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { weightNames } from '../../models/sliced/weight_names.ts';
import { renamed } from '../../models/weight_views.ts';

/** The layers that stay, numbered anew, their weights under canonical names of their new places. */
export function withoutLayers<W extends WeightOutline>(
  model: DecoderModel<W>,
  gone: readonly number[],
): DecoderModel<W> {
  const layers: DecoderLayer<W>[] = model.layers
    .filter(({ index }) => !gone.includes(index))
    .map((layer, index) => ({ ...layer, index }));
  const made = { ...model, layers, config: { ...model.config, num_hidden_layers: layers.length } };
  // Names need no reading: an outline has them in the same places.
  const named = [...weightNames(made as unknown as DecoderModel)] as unknown as [W, string][];
  const others = named.filter(([weight, name]) => name.startsWith('model.layers.') && weight.name !== name);
  return replaceWeights(made, new Map(others.map(([weight, name]) => [weight, inPlace(weight, name)])));
}

function inPlace<W extends WeightOutline>(weight: W, name: string): W {
  return renamed(weight as unknown as WeightRef, name) as unknown as W;
}
