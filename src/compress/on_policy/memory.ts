/** @file What a training needs whose student writes: the training itself, or both models on the device at once, whichever is more. */
import type { ModelOutline } from '../../models/decoder_model.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';
import { trainingMemory } from '../train/memory.ts';
import type { OnPolicyOptions } from './options.ts';

export function samplingMemory(model: ModelOutline, options: OnPolicyOptions, plan: MemoryPlan): JobMemory {
  return trainingMemory(model, options, plan);
}
