/** @file The memory of a recipe, or of the search for one, on the open backend: what plans, warnings and reports tell. */
import { evaluationMemory, passMemory } from '../compress/memory/recipe_memory.ts';
import { likelyRecipes, solverMemory } from '../compress/memory/solver_memory.ts';
import type { AnyStep } from '../compress/method.ts';
import { passesOf } from '../compress/recipe/passes.ts';
import type { MemoryPlan } from '../compress/slicegpt/estimate.ts';
import type { ModelOutline } from '../models/decoder_model.ts';
import { type PlannedMemory, withLogits, worstMemory } from './memory_plan.ts';
import { passText, refusalOf } from './passes.ts';
import type { PlannedWindows } from './protocol.ts';
import type { FormatTarget } from './solve/format_target.ts';
import { heldWindows } from './solve/held_windows.ts';
import type { EngineState } from './state.ts';

/** Undefined where no backend runs, or nobody knows the windows yet. */
export function memoryPlanOf(state: EngineState, given?: PlannedWindows): MemoryPlan | undefined {
  const { texts } = state;
  const windows = given ?? (texts && windowsOf(texts));
  return state.backend && windows ? { backend: state.backend.info, windows } : undefined;
}

function windowsOf({ calibration, evaluation }: NonNullable<EngineState['texts']>): PlannedWindows {
  return { seqlen: calibration.seqlen, samples: calibration.count, eval_samples: evaluation.count };
}

/** Of all passes that the model permits, and of measuring what comes out. */
export function recipeMemory(dense: ModelOutline, steps: readonly AnyStep[], plan: MemoryPlan): PlannedMemory {
  const jobs: PlannedMemory[] = [{ ...evaluationMemory(dense, undefined, plan), step: 'perplexity' }];
  let model = dense;
  for (const pass of passesOf(steps)) {
    if (refusalOf(pass, model) !== undefined) continue;
    jobs.push({ ...passMemory(pass, model, dense, plan), step: passText(pass) });
    model = pass.method.plan(model, pass.step.options as never);
  }
  jobs.push({ ...evaluationMemory(model, dense, plan), step: 'measuring the result' });
  return withLogits(worstMemory(jobs), plan, dense.lm_head.weight.shape, dense.config);
}

/** Of the search for the best recipe of a size, and of making what it finds with the windows that were held back, too. */
export function searchMemory(dense: ModelOutline, { palette }: FormatTarget, plan: MemoryPlan): PlannedMemory {
  const held = heldWindows(plan.windows.samples);
  const search = worstMemory([
    { ...evaluationMemory(dense, undefined, plan), step: 'perplexity' },
    { ...solverMemory(dense, palette, held, plan), step: 'the search for a recipe' },
  ]);
  return worstMemory([
    withLogits(search, plan, dense.lm_head.weight.shape, dense.config),
    ...likelyRecipes(palette).map((steps) => ({
      ...recipeMemory(dense, steps, plan),
      step: 'making what the search found',
    })),
  ]);
}
