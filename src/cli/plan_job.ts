/** @file `--plan`: what recipes and a search would make. */
import { makeRecipe } from '../compress/recipe/recipe.ts';
import type { BackendInfo, ModelSummary, PlanReport, SolvePlan } from '../engine/protocol.ts';
import type { Driver } from './browser.ts';
import { downloadByName } from './hub_model.ts';
import { takeExamples } from './job_checks.ts';
import type { JobInputs, JobObserver } from './job_types.ts';
import type { CliOptions } from './options.ts';

/** What every recipe will make of the model; nothing is computed. */
export async function planJob(
  options: CliOptions,
  inputs: JobInputs,
  driver: Driver,
  observer: JobObserver,
): Promise<{ plans: PlanReport[]; search?: SolvePlan; summary: ModelSummary; backend: BackendInfo }> {
  const { model } = inputs;
  const onEvent = observer.onEvent;
  const source =
    model.kind === 'hub_name' ? await downloadByName(model.name, options.hub_endpoint, driver, onEvent) : model;
  const backend = await driver.run('start', { backend: options.backend }, onEvent);
  const summary = await driver.run('open', { source, paths: inputs.paths }, onEvent);
  await takeExamples(inputs, driver, observer);
  const { seqlen, samples, eval_samples } = options;
  const windows = { seqlen, samples, eval_samples };
  const { round, schedule, fusion, head } = options;
  const slicings = options.sparsity.map((sparsity) =>
    makeRecipe([{ method: 'slicegpt', options: { sparsity, round, schedule, fusion, head } }]),
  );
  const plans: PlanReport[] = [];
  for (const recipe of [...slicings, ...(options.recipe ?? [])]) {
    const plan = await driver.run('plan', { steps: recipe.steps, formats: options.format, windows }, onEvent);
    plans.push({ ...plan, recipe: recipe.text });
  }
  const {
    target,
    format: [format = 'onnx'],
  } = options;
  const search = target && (await driver.run('plan_solve', { target, format, windows }, onEvent));
  return { plans, ...(search && { search }), summary, backend };
}
