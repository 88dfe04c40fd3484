/** @file What `width` makes of a model, from shapes alone, and which models permit it. */
import type { DecoderLayer, Linear, ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import { type HalfName, inputLinears, layerLinears, linearOf, linearPath, outputLinear } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import { storedType } from '../slicegpt/store.ts';
import { withNames } from './prune_model.ts';
import { goneUnits, prunedAttention, prunedMlp, withLayers } from './shapes.ts';
import type { Options } from './units.ts';

export function halvesOf({ units }: Options): HalfName[] {
  return units === 'channels' ? ['mlp'] : ['attention', 'mlp'];
}

/** With a global budget: as if each layer lost the same share. */
export function plannedWidth(model: ModelOutline, options: Options): ModelOutline {
  const dtype = storedType(model);
  const layers = model.layers.map((layer) => {
    let { attention, mlp } = withNames(layer);
    for (const half of halvesOf(options)) {
      const count = half === 'attention' ? attention.num_key_value_heads : mlp.down_proj.weight.shape[1];
      const gone = goneUnits(options.keep, count);
      if (gone === 0) continue;
      const linears = Object.fromEntries(plannedLinears(layer, half, count, count - gone, options, dtype)) as never;
      const kept = Array.from({ length: count - gone }, (_, unit) => unit);
      if (half === 'attention') attention = prunedAttention(attention, linears, kept);
      else mlp = prunedMlp(mlp, linears);
    }
    return { ...layer, attention, mlp };
  });
  return withLayers(model, layers);
}

function plannedLinears(
  layer: DecoderLayer<WeightOutline>,
  half: HalfName,
  count: number,
  kept: number,
  { bias }: Options,
  dtype: WeightOutline['dtype'],
): [LinearName, Linear<WeightOutline>][] {
  const size = (before: number) => (before / count) * kept;
  const weight = (name: LinearName, shape: readonly number[]) => ({
    name: `${linearPath(layer.index, name)}.weight`,
    shape,
    dtype,
  });
  const vector = (name: LinearName, length: number) => ({
    name: `${linearPath(layer.index, name)}.bias`,
    shape: [length],
    dtype,
  });
  const inputs = inputLinears(layer, half).map((name) => {
    const { weight: before, bias: has } = linearOf(layer, name);
    const [rows, columns] = before.shape;
    const made = { weight: weight(name, [size(rows), columns]), ...(has && { bias: vector(name, size(rows)) }) };
    return [name, made] as [LinearName, Linear<WeightOutline>];
  });
  const output = outputLinear(half);
  const before = linearOf(layer, output);
  const [rows, columns] = before.weight.shape;
  const made = {
    weight: weight(output, [rows, size(columns)]),
    ...((bias || before.bias) && { bias: vector(output, rows) }),
  };
  return [...inputs, [output, made]];
}

/** A sentence's second half. @param method That cuts. */
export function widthRefusal(model: ModelOutline, options: Options, method = 'width'): string | undefined {
  for (const layer of model.layers) {
    const packed = layerLinears(layer).find((name) => linearOf(layer, name).weight.packed);
    if (packed) {
      return `${linearPath(layer.index, packed)} is packed already, and rows and columns can only be taken out of plain numbers. Put ${method} before the step that packs`;
    }
    const { q_norm, k_norm, head_dim, num_key_value_heads } = layer.attention;
    const isPruned = halvesOf(options).includes('attention') && goneUnits(options.keep, num_key_value_heads) > 0;
    const spans = [q_norm, k_norm].some((norm) => norm && norm.normalized_size !== head_dim);
    if (isPruned && spans) {
      return 'its norms of queries and keys span all heads (as in OLMo-2), so that no head can be removed without changing the others. units=channels is possible';
    }
  }
  return undefined;
}
