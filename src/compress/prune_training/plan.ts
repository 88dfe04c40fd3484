/** @file Shapes, refusals and memory of methods that prune while they train. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import type { Statistic } from '../../statistics/statistics.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';
import { layerLinears, linearOf, outputLinear } from '../layerwise/half.ts';
import { layerwiseMemory } from '../memory/recipe_memory.ts';
import { worstOf } from '../memory/worst.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';
import { storedType } from '../slicegpt/store.ts';
import { plannedTraining } from '../train/linears.ts';
import { trainingMemory, withElements, withStorage } from '../train/memory.ts';
import { gradientRefusal } from '../train/refusal.ts';
import { plannedWidth, widthRefusal } from '../width/plan.ts';
import { type PruneTrainingOptions, widthOptions } from './options.ts';

export function plannedPruneTraining(model: ModelOutline, options: PruneTrainingOptions): ModelOutline {
  return plannedTraining(plannedWidth(model, widthOptions(options)));
}

/** A sentence's second half. */
export function pruneTrainingRefusal(
  model: ModelOutline,
  options: PruneTrainingOptions,
  method: string,
): string | undefined {
  return widthRefusal(model, widthOptions(options), method) ?? gradientRefusal(model, method);
}

/** The larger of the training, and of the passes over the text before and behind it. @param scoring What telling units' worth holds beside. */
export function pruneTrainingMemory(
  model: ModelOutline,
  options: PruneTrainingOptions,
  plan: MemoryPlan,
  scoring: 'linear' | 'layer',
): JobMemory {
  const sizes = model.layers.map((layer) =>
    layerLinears(layer).map((name) => elementCount(linearOf(layer, name).weight.shape)),
  );
  const beside =
    scoring === 'linear'
      ? Math.max(...sizes.flat())
      : // Its gradients, and its weights once more.
        2 * Math.max(...sizes.map((each) => each.reduce((sum, size) => sum + size, 0)));
  const training = trainingMemory(model, { ...options, shortcuts: false, norms: false }, plan);
  const statistics: Statistic[] = scoring === 'layer' ? ['gram', 'diagonal'] : ['diagonal'];
  const touches = (name: string) => name === outputLinear('attention') || name === outputLinear('mlp');
  return worstOf([
    // The whole model with what was learnt waits in storage until units are cut out of it.
    withStorage(
      withElements(training, beside, plan),
      bytesPerElement(storedType(model)) * sizes.flat().reduce((a, b) => a + b),
    ),
    layerwiseMemory({ statistics, touches, model, dense: model }, plan),
  ]);
}
