/** @file Running a recipe on a model and measuring it beside the dense one, without an engine: for tests. */
import type { Backend } from '../../src/backend/backend.ts';
import { planDifference } from '../../src/compress/held_to_plan.ts';
import type { PassContext } from '../../src/compress/method.ts';
import { passesOf } from '../../src/compress/recipe/passes.ts';
import { parseRecipe } from '../../src/compress/recipe/recipe.ts';
import type { DecoderModel } from '../../src/models/decoder_model.ts';
import { outlineOf } from '../../src/models/map_weights.ts';
import { countParameters, packedModelBytes } from '../../src/models/model_size.ts';
import { memoryScratch } from '../../src/models/scratch.ts';
import { DenseInputs, evaluateBeside, evaluateDense, headWidth } from '../../src/runtime/compare.ts';
import { summarize } from '../../src/runtime/perplexity.ts';
import { compressionContext, type TestJob } from './slice_job.ts';

/**
 * The model that a recipe makes; each pass is held to its plan.
 * @param from What the first step gets; absent: the job's model.
 * @param more Of the context of each pass.
 */
export async function runRecipe(
  backend: Backend,
  job: TestJob & { from?: DecoderModel },
  text: string,
  importance?: PassContext['importance'],
  more: Partial<PassContext> = {},
): Promise<DecoderModel> {
  let model = job.from ?? job.model;
  for (const { method, step, before, after } of passesOf(parseRecipe(text).steps)) {
    const context: PassContext = {
      ...compressionContext(backend, job),
      dense: job.model,
      before,
      after,
      importance,
      ...more,
    };
    const refusal = method.refusal(model, step.options as never, after);
    if (refusal) throw new Error(refusal);
    const planned = method.plan(model, step.options as never);
    const made = await method.run?.(model, step.options as never, context);
    if (!made) throw new Error(`${step.method} makes nothing`);
    const difference = planDifference(method, step, outlineOf(made.model), planned);
    if (difference) throw new Error(`${text}: ${difference}`);
    model = made.model;
  }
  return model;
}

export interface Measured {
  perplexity: number;
  kl: number;
  top1: number;
  bytes: number;
  parameters: number;
}

/** What the head of a job's dense model reads, which models are compared with. */
export async function denseOf(backend: Backend, job: TestJob): Promise<DenseInputs> {
  const inputs = new DenseInputs(memoryScratch(), headWidth(job.model), job.evaluation.seqlen);
  await evaluateDense(backend, job.model, job.evaluation, inputs);
  return inputs;
}

/** Measures models of one job; the dense one is run once. */
export function judge(
  backend: Backend,
  job: TestJob,
  dense = denseOf(backend, job),
): (model: DecoderModel) => Promise<Measured> {
  return async (model) => {
    const inputs = await dense;
    const { evaluation, divergence } = await evaluateBeside(backend, job.model, inputs, model, job.evaluation);
    return {
      perplexity: summarize(evaluation.windows.map(({ loss }) => loss)).perplexity,
      kl: divergence.kl_divergence,
      top1: divergence.top1_agreement,
      bytes: packedModelBytes(model),
      parameters: countParameters(model),
    };
  };
}
