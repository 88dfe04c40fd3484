/**
 * @file LoRAPrune's importance (arXiv 2305.18403): of a merged weight W the gradient is told from those of its adapter alone,
 * G = ∂L/∂B·A + B·∂L/∂A − ∂L/∂B·∂L/∂A, that of an element is (G·W)², of a group the sum, over steps a moving average.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { Adapter } from '../../runtime/backward/adapters.ts';
import { modelGradients } from '../../runtime/backward/model.ts';
import type { WeightLoader } from '../../runtime/weights.ts';
import { type HalfName, linearOf } from '../layerwise/half.ts';
import { type Scorer, stateOf, unitZeros } from '../prune_training/scorer.ts';
import type { Trainable } from '../train/linears.ts';
import { addToUnits, unitLinears } from '../width/unit_sums.ts';

/** @param average What the moving average keeps of what it was, at each step. */
export function loraImportance(
  model: DecoderModel,
  halves: readonly HalfName[],
  { adapters }: Trainable,
  average: number,
): Scorer {
  const averages = unitZeros(model, halves);
  return {
    async gradients(backward, loader, { windows, batches }, options) {
      const loss = await modelGradients(backward, loader, model, windows, batches, options);
      for (const half of halves) {
        for (const [l, layer] of model.layers.entries()) {
          const total = averages.get(half)?.[l] as Float64Array;
          const found = new Float64Array(total.length);
          for (const name of unitLinears(layer, half)) {
            const { weight } = linearOf(layer, name);
            const adapter = adapters.get(weight);
            if (adapter?.kind !== 'low_rank') continue;
            const { gradient, merged } = await gradientAndWeight(backward.arena, loader, adapter, weight);
            addToUnits(found, name, weight.shape, (i) => (gradient[i] * merged[i]) ** 2);
          }
          for (let unit = 0; unit < total.length; unit++) {
            total[unit] = average * total[unit] + (1 - average) * found[unit];
          }
        }
      }
      return loss;
    },
    scores: () => averages,
    ...stateOf(averages),
  };
}

async function gradientAndWeight(
  arena: Arena,
  loader: WeightLoader,
  { A, B, grad_A, grad_B }: Adapter,
  weight: Parameters<WeightLoader['linear']>[0]['weight'],
) {
  const { backend } = arena;
  const loaded = await loader.linear({ weight });
  const output = arena.empty(weight.shape, 'estimated gradient');
  const negated = arena.empty(grad_B.shape, 'negated');
  backend.copy(grad_B, negated);
  backend.scale({ hidden_states: negated, factor: -1 });
  const products: [Tensor, Tensor][] = [
    [grad_B, A],
    [B, grad_A],
    [negated, grad_A],
  ];
  for (const [a, b] of products) backend.matmul({ a, b, output, accumulate: true });
  const [gradient, merged] = await Promise.all([backend.read(output), backend.read(loaded.weight)]);
  arena.free(output, negated, loaded.weight);
  return { gradient, merged };
}
