/** @file Shapes, refusals and memory of methods that prune while they train. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import { gradientMemory } from '../llm_pruner/memory.ts';
import { worstOf } from '../memory/worst.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';
import { plannedTraining } from '../train/linears.ts';
import { trainingMemory } from '../train/memory.ts';
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

export function pruneTrainingMemory(model: ModelOutline, options: PruneTrainingOptions, plan: MemoryPlan): JobMemory {
  const whole = { ...options, shortcuts: false, norms: false };
  return worstOf([
    trainingMemory(model, whole, plan),
    gradientMemory(model, { compensate: false, score: 'taylor' }, plan),
  ]);
}
