/** @file What a recipe has in the browser's storage at most, told before it runs: weights, spilled states, bases, finished layers. */
import { memoryCosts } from '../backend/memory_costs.ts';
import type { AnyStep } from '../compress/method.ts';
import { passesOf } from '../compress/recipe/passes.ts';
import type { MemoryPlan } from '../compress/slicegpt/estimate.ts';
import type { ModelOutline } from '../models/decoder_model.ts';
import { mostCheckpointBytes } from './kept/checkpoints.ts';
import { refusalOf } from './passes.ts';
import { recipeMemory } from './recipe_memory.ts';
import { newBytes } from './sizes.ts';

export interface WrittenBytes {
  /** The job cannot do without: new weights of all passes, and states that memory has no room for. */
  needed: number;
  /** Kept while it runs, as far as there is room: bases to slice by again, finished layers to go on behind. */
  kept: number;
}

/** @param plan Absent while nobody knows backend or windows: then weights alone are told. Passes that the model refuses are left out. */
export function writtenByRecipe(
  dense: ModelOutline,
  steps: readonly AnyStep[],
  plan: MemoryPlan | undefined,
): WrittenBytes {
  let model = dense;
  let weights = 0;
  for (const pass of passesOf(steps)) {
    if (refusalOf(pass, model) !== undefined) continue;
    const next = pass.method.plan(model, pass.step.options as never);
    weights += newBytes(model, next);
    model = next;
  }
  if (!plan) return { needed: weights, kept: 0 };
  const { spill, bases } = recipeMemory(dense, steps, plan).storage;
  const { samples, seqlen } = plan.windows;
  const element_bytes = memoryCosts(plan.backend).floats(1024) / 1024;
  const kept = bases + mostCheckpointBytes(dense.config.hidden_size, samples * seqlen, element_bytes);
  return { needed: weights + spill, kept };
}
