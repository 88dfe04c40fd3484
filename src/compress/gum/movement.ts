/**
 * @file Movement of whole units (arXiv 2005.07683, summed over a unit as in arXiv 2302.03773): S = −Σ w·∂L/∂w over its weights and the steps
 * so far, positive where training makes the unit's weights larger. Layers are compared as they are: S is in nats everywhere.
 */
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { Gradients } from '../../runtime/backward/gradients.ts';
import { modelGradients } from '../../runtime/backward/model.ts';
import { type HalfName, linearOf } from '../layerwise/half.ts';
import { type Scorer, stateOf, type UnitScores, unitZeros } from '../prune_training/scorer.ts';
import { addToUnits, unitLinears } from '../width/unit_sums.ts';

/** @param unique Of each unit, between 0 and 1: see `uniqueness.ts`. */
export function uniqueMovement(
  arena: Arena,
  model: DecoderModel,
  halves: readonly HalfName[],
  unique: UnitScores,
): Scorer {
  const movement = unitZeros(model, halves);
  const wanted = new Set(
    model.layers.flatMap((layer) =>
      halves.flatMap((half) => unitLinears(layer, half).map((name) => linearOf(layer, name).weight)),
    ),
  );
  return {
    async gradients(backward, loader, { windows, batches }, options) {
      const gradients = new Gradients(arena, (ref) => wanted.has(ref));
      try {
        return await modelGradients({ ...backward, gradients }, loader, model, windows, batches, {
          ...options,
          async onLayer(layer, batch) {
            if (batch !== batches.length - 1) return;
            for (const half of halves) {
              const total = movement.get(half)?.[model.layers.indexOf(layer)] as Float64Array;
              for (const name of unitLinears(layer, half)) {
                const { weight } = linearOf(layer, name);
                const loaded = await loader.linear({ weight });
                const [values, gradient] = [await arena.backend.read(loaded.weight), await gradients.read(weight)];
                arena.free(loaded.weight);
                addToUnits(total, name, weight.shape, (i) => -values[i] * gradient[i]);
              }
            }
            gradients.clear();
          },
        });
      } finally {
        gradients.clear();
      }
    },
    ...stateOf(movement),
    scores: () =>
      new Map(
        [...movement].map(([half, rows]) => [
          half,
          rows.map((row, l) => row.map((score, unit) => weighed(score, unique.get(half)?.[l][unit] as number))),
        ]),
      ),
  };
}

/** What is less unique is worth less, whichever sign its movement has. */
export function weighed(movement: number, unique: number): number {
  return movement > 0 ? movement * unique : movement / unique;
}
