/** @file Command `plan`: what a recipe will make of the open model, from shapes alone. */

import { type Pass, passesOf } from '../compress/recipe/passes.ts';
import { formatStep, makeRecipe } from '../compress/recipe/recipe.ts';
import { findMethod } from '../compress/registry.ts';
import { WhittleError } from '../errors/errors.ts';
import type { ModelOutline } from '../models/decoder_model.ts';
import { plannedFile } from './export/notes.ts';
import type { Commands, PlanReport } from './protocol.ts';
import { modelSizes, newBytes } from './sizes.ts';
import type { EngineState } from './state.ts';

export async function planCommand(
  state: EngineState,
  { steps, formats = [] }: Commands['plan']['request'],
): Promise<PlanReport> {
  const { open, summary } = state.requireModel();
  const recipe = makeRecipe(steps);
  let model: ModelOutline = open.model;
  const planned: PlanReport['steps'] = [];
  const refusals: PlanReport['refusals'] = [];
  let storage_bytes = 0;
  for (const pass of passesOf(recipe.steps)) {
    const text = passText(pass);
    const reason = refusalOf(pass, model);
    if (reason !== undefined) {
      refusals.push({ step: text, reason });
      continue;
    }
    const next = pass.method.plan(model, pass.step.options as never);
    storage_bytes += newBytes(model, next);
    model = next;
    planned.push({ recipe: text, ...modelSizes(model, summary.parameters) });
  }
  const files = formats.map((format) => plannedFile(model, format, open));
  const sizes = modelSizes(model, summary.parameters);
  return { recipe: recipe.text, steps: planned, ...sizes, storage_bytes, refusals, files };
}

/** Of a pass, its modifiers and followers included. */
export function refusalOf({ method, step, before, after }: Pass, model: ModelOutline): string | undefined {
  const all = [
    [method, step] as const,
    ...[...before, ...after].map((each) => [findMethod(each.method), each] as const),
  ];
  for (const [of, { options }] of all) {
    const reason = of?.refusal(model, options as never, of === method ? after : []);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Throws `bad_option` where the model does not permit the pass. */
export function assertPermitted(pass: Pass, model: ModelOutline): void {
  const reason = refusalOf(pass, model);
  if (reason === undefined) return;
  throw new WhittleError({
    code: pass.step.method === 'slicegpt' ? 'not_sliceable' : 'bad_option',
    message: `This model does not permit the step "${passText(pass)}". ${sentence(reason)}`,
    place: { field: 'recipe' },
    action: 'Leave the step out, or open another model.',
  });
}

export function passText({ before, step, after }: Pass): string {
  return [...before, step, ...after].map(formatStep).join('; ');
}

function sentence(reason: string): string {
  const capital = reason.charAt(0).toUpperCase() + reason.slice(1);
  return capital.endsWith('.') ? capital : `${capital}.`;
}
