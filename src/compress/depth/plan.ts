/** @file What `depth` makes of a model, from shapes alone, and which models permit it. */
import { type ModelOutline, storedWeights } from '../../models/decoder_model.ts';
import { packedWeightBytes, storedElements } from '../../models/model_size.ts';
import { linearPath } from '../layerwise/half.ts';
import { isSliced } from '../slicegpt/permits.ts';
import { storedType } from '../slicegpt/store.ts';
import type { Options } from './depth.ts';
import { withoutLayers } from './layers.ts';

/** As if the last layers went; all layers are of one size. */
export function plannedDepth(model: ModelOutline, { drop, replace }: Options): ModelOutline {
  const count = model.layers.length;
  const made = withoutLayers(
    model,
    Array.from({ length: drop }, (_, i) => count - drop + i),
  );
  if (replace === 'none') return made;
  const dtype = storedType(model);
  const layers = made.layers.map((layer, index) => {
    if (index < made.layers.length - 1) return layer;
    const { weight, bias, ...rest } = layer.mlp.down_proj;
    const stored = ({ name, shape }: typeof weight) => ({ name, shape, dtype });
    const down_proj = { ...rest, weight: stored(weight), ...(bias && { bias: stored(bias) }) };
    return { ...layer, mlp: { ...layer.mlp, down_proj } };
  });
  return { ...made, layers };
}

/** A sentence's second half. */
export function depthRefusal(model: ModelOutline, { drop, replace }: Options): string | undefined {
  const count = model.layers.length;
  if (count === 1) return 'it has one layer, which has to stay';
  if (drop >= count) return `it has ${count} layers, of which one has to stay: drop can be ${count - 1} at most`;
  if (isSliced(model)) {
    return 'it is sliced: each layer hands the stream on in another basis and width, so that the layers around a gap do not fit. Put depth before slicegpt';
  }
  const sizes = model.layers.map((layer) => sizeOf(model, layer.index));
  const other = sizes.findIndex((size) => size !== sizes[0]);
  if (other >= 0) {
    return `its layers are of different sizes (0 and ${other}), and which of them go is known only when the text has run. Put depth before the step that made them differ`;
  }
  if (replace === 'none') return undefined;
  const normed = model.layers.find((layer) => layer.mlp_output_norm);
  if (normed) {
    return `a norm stands behind down_proj in layer ${normed.index} (as in Gemma 2 and 3 and OLMo-2), so that the linear map cannot be folded into it. replace=none is possible`;
  }
  const packed = model.layers.find(({ mlp }) => mlp.down_proj.weight.packed);
  if (packed) {
    return `${linearPath(packed.index, 'down_proj')} is packed already, and the linear map is folded into plain numbers. Put depth before the step that packs, or take replace=none`;
  }
  return undefined;
}

function sizeOf(model: ModelOutline, index: number): string {
  const weights = storedWeights({ ...model, layers: [model.layers[index]] });
  const sum = (of: (weight: (typeof weights)[number]) => number) =>
    weights.reduce((total, weight) => total + of(weight), 0);
  return `${sum(storedElements)} ${sum(packedWeightBytes)}`;
}
