/** @file Sizes of a model from its outline: what plans promise and runs report. */
import { type ModelOutline, storedWeights, type WeightOutline } from '../models/decoder_model.ts';
import { mapWeights, type WeightRole } from '../models/map_weights.ts';
import { countParameters, packedModelBytes, storedBytes } from '../models/model_size.ts';
import { packedMultiplications } from '../models/packed/packing.ts';
import { elementCount } from '../tensor/shape.ts';
import type { ModelSizes } from './protocol.ts';

/** @param dense Parameters of the model as it was opened. */
export function modelSizes(model: ModelOutline, dense: number): ModelSizes {
  const bytes = packedModelBytes(model);
  return {
    parameters: countParameters(model),
    bytes,
    bits_per_weight: (8 * bytes) / dense,
    multiplications_per_token: multiplications(model),
  };
}

/** Of linears, shortcuts, projections and the head; a look-up in a table multiplies nothing. */
export function multiplications(model: ModelOutline): number {
  const roles = new Map<WeightOutline, WeightRole>();
  mapWeights(model, (weight, role) => roles.set(weight, role));
  const of = ({ shape, packed }: WeightOutline) =>
    packed ? packedMultiplications(shape, packed) : elementCount(shape);
  let sum = of(model.lm_head.weight);
  for (const [weight, role] of roles) if (role === 'linear' || role === 'projection') sum += of(weight);
  return sum;
}

/** Bytes of the weights of `model` that `before` does not have, as they are stored: what a pass writes. */
export function newBytes(before: ModelOutline, model: ModelOutline): number {
  const known = new Set(storedWeights(before));
  const fresh = storedWeights(model).filter((weight) => !known.has(weight));
  return fresh.reduce((sum, weight) => sum + storedBytes(weight), 0);
}
