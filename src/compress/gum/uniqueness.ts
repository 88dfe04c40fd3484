/**
 * @file How much a unit is the only one of its layer that does what it does: 1 / Σⱼ |cos(uᵢ, uⱼ)| of what units give on the text, itself
 * included. Of k equal units each has 1/k; a unit at right angles to all others has 1.
 */
import type { DecoderModel } from '../../models/decoder_model.ts';
import { type HalfName, halfOf, outputLinear } from '../layerwise/half.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { PassContext } from '../method.ts';
import type { UnitScores } from '../prune_training/scorer.ts';
import { unitsOf } from '../width/units.ts';

/** Runs the text through the model as it is, once. */
export async function unitUniqueness(
  model: DecoderModel,
  halves: readonly HalfName[],
  context: PassContext,
): Promise<UnitScores> {
  const found = new Map<HalfName, Float64Array[]>(halves.map((half) => [half, []]));
  const looking: LinearMethod<undefined> = {
    statistics: () => ['gram'],
    touches: (name) => halves.some((half) => name === outputLinear(half)),
    async change(linear, { gram }) {
      const { width, columns } = unitsOf(linear);
      found.get(halfOf(linear.use.name))?.push(uniqueness(gram as Float64Array, columns, width));
      return undefined;
    },
  };
  await layerwise(looking, model, undefined, { ...context, before: [], after: [], checkpoints: undefined });
  return found;
}

/**
 * @param gram (columns, columns) of what the units give, each `width` columns wide: the product of two units is that of their outputs
 * column by column.
 */
export function uniqueness(gram: Float64Array, columns: number, width: number): Float64Array {
  const count = columns / width;
  const product = (a: number, b: number) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += gram[(a * width + k) * columns + b * width + k];
    return sum;
  };
  const norms = Float64Array.from({ length: count }, (_, unit) => Math.sqrt(Math.max(0, product(unit, unit))));
  return norms.map((norm, unit) => {
    let total = 1;
    for (let other = 0; other < count; other++) {
      const size = norm * norms[other];
      if (other !== unit && size > 0) total += Math.abs(product(unit, other)) / size;
    }
    return 1 / total;
  });
}
