/** @file Outline of what a method of linears makes: the packing of each, everything else as it is. */
import type { ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import type { InputQuantization } from '../../models/input_quantization.ts';
import { type Packing, packedDType, packedStorage } from '../../models/packed/packing.ts';
import type { LinearUse } from '../layerwise_types.ts';
import { storedType } from '../slicegpt/store.ts';
import { layerLinears, linearOf, linearUse, withWeights } from './half.ts';

/**
 * @param pack The packing of each linear; undefined: dense numbers of the same shape; `kept`: the weight as it is.
 * @param input How each that is not kept rounds what it reads; absent: as before.
 */
export function planLinears(
  model: ModelOutline,
  pack: (weight: WeightOutline, use: LinearUse) => Packing | 'kept' | undefined,
  input?: InputQuantization,
): ModelOutline {
  const floats = storedType(model) === 'F32' ? 'F32' : 'F16';
  const layers = model.layers.map((layer) => {
    const planned = layerLinears(layer).flatMap((name) => {
      const use = linearUse(layer, name, floats);
      const { weight } = linearOf(layer, name);
      const packing = pack(weight, use);
      return packing === 'kept' ? [] : [[name, packedOutline(`${use.path}.weight`, weight, packing)] as const];
    });
    const inputs = new Map(input ? planned.map(([name]) => [name, input]) : []);
    return withWeights(layer, new Map(planned), inputs);
  });
  return { ...model, layers };
}

export function packedOutline(
  name: string,
  { shape, dtype }: WeightOutline,
  packed: Packing | undefined,
): WeightOutline {
  if (!packed) return { name, shape, dtype };
  return { name, shape, dtype: packedDType(packed), ...packedStorage(shape, packed), packed };
}

/** Of what a method makes of the embedding, or of a head by itself. */
export function tableName(model: ModelOutline, table: WeightOutline): string {
  return table === model.embed_tokens.weight ? 'model.embed_tokens.weight' : 'lm_head.weight';
}
