/**
 * @file What a recipe needs, pass by pass, and what measuring its result needs: from the outlines of its plan alone.
 */
import type { ModelOutline } from '../../models/decoder_model.ts';
import { DEFAULT_STATE_BUDGET } from '../../runtime/budgets.ts';
import { rowsPerBatch } from '../../runtime/windows.ts';
import { elementCount } from '../../tensor/shape.ts';
import { linearOf } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';
import type { AnyStep } from '../method.ts';
import type { Pass } from '../recipe/passes.ts';
import type { JobMemory, MemoryPlan } from '../slicegpt/estimate.ts';
import { type LayerwiseNeeds, LayerwisePlan } from './layerwise_plan.ts';
import { foundMemory, plannerOf } from './planner.ts';

/** A pass with the calibration text over linears. */
export function layerwiseMemory(needs: Omit<LayerwiseNeeds, 'stateBudgetBytes'>, plan: MemoryPlan): JobMemory {
  const planner = plannerOf(plan, plan.windows.samples);
  const pass = new LayerwisePlan(planner, {
    ...needs,
    stateBudgetBytes: plan.stateBudgetBytes ?? DEFAULT_STATE_BUDGET,
  });
  pass.run();
  return foundMemory(planner, needs.model, { host: pass.hostBytes, spill: pass.spilledBytes });
}

/** One pass of a recipe: of `model`, which earlier passes made of `dense`. */
export function passMemory(pass: Pass, model: ModelOutline, dense: ModelOutline, plan: MemoryPlan): JobMemory {
  const { method, step, before, after } = pass;
  const options = step.options as never;
  if (method.memory) return method.memory(model, options, plan, after);
  const correct = correctOf(before);
  const reads = method.reads?.(options) ?? { statistics: [] };
  if (reads.statistics.length > 0 || correct) {
    const made = method.plan(model, options).layers[0];
    const rounds = (name: LinearName) => linearOf(made, name)?.input !== undefined;
    return layerwiseMemory({ ...reads, rounds, model, dense, ...(correct && { correct }) }, plan);
  }
  // A walk over stored weights: nothing is on the device. The largest of them, in f64 and as it is stored.
  const largest = Math.max(
    ...[model.embed_tokens.weight, model.layers[0].mlp.up_proj.weight].map(({ shape }) => elementCount(shape)),
  );
  return foundMemory(plannerOf(plan, 1), model, { host: 20 * largest });
}

function correctOf(before: readonly AnyStep[]): LayerwiseNeeds['correct'] {
  const step = before.find(({ method }) => method === 'correct');
  return step?.options as LayerwiseNeeds['correct'];
}

/** Measuring a model on the evaluation windows, beside the dense one where it is another, and its decoding rate. */
export function evaluationMemory(model: ModelOutline, dense: ModelOutline | undefined, plan: MemoryPlan): JobMemory {
  const planner = plannerOf(plan, plan.windows.eval_samples, model);
  planner.evaluate(model, dense);
  const rows = Math.max(plan.windows.seqlen, rowsPerBatch(plan.backend, model.config));
  // Both models' logits of a block of the vocabulary, read back.
  const host = dense ? 8 * rows * Math.min(model.config.vocab_size, Math.floor((8 * 1024 * 1024) / rows)) : 0;
  return foundMemory(planner, model, { host });
}
