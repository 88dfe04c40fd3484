/** @file Command `plan`: what a recipe will make of the open model, from shapes alone. */

import { type Pass, passesOf } from '../compress/recipe/passes.ts';
import { makeRecipe, type Recipe } from '../compress/recipe/recipe.ts';
import { findMethod } from '../compress/registry.ts';
import { WhittleError } from '../errors/errors.ts';
import type { ModelOutline } from '../models/decoder_model.ts';
import { examplesProblem } from './examples/needed_examples.ts';
import { type FormatSubject, formatRefusal, LAST_STEP } from './export/format_refusal.ts';
import { plannedFile } from './export/notes.ts';
import { fileBytes } from './file_bytes.ts';
import { passText, refusalOf } from './passes.ts';
import type { Commands, PlanReport } from './protocol.ts';
import { memoryPlanOf, recipeMemory } from './recipe_memory.ts';
import { modelSizes } from './sizes.ts';
import type { EngineState } from './state.ts';
import { writtenByRecipe } from './written_bytes.ts';

export async function planCommand(
  state: EngineState,
  { steps, formats = [], windows }: Commands['plan']['request'],
): Promise<PlanReport> {
  const { open, summary } = state.requireModel();
  const recipe = makeRecipe(steps);
  let model: ModelOutline = open.model;
  const planned: PlanReport['steps'] = [];
  const refusals: PlanReport['refusals'] = [];
  for (const pass of passesOf(recipe.steps)) {
    const text = passText(pass);
    const reason = refusalOf(pass, model);
    if (reason !== undefined) {
      refusals.push({ step: text, reason });
      continue;
    }
    const next = pass.method.plan(model, pass.step.options as never);
    model = next;
    planned.push({ recipe: text, ...modelSizes(model, summary.parameters) });
  }
  const memoryPlan = memoryPlanOf(state, windows);
  const memory = memoryPlan && recipeMemory(open.model, recipe.steps, memoryPlan);
  const written = writtenByRecipe(open.model, recipe.steps, memoryPlan);
  const seqlen = state.texts?.evaluation.seqlen;
  const files = formats.map((format) => formatPlan({ model, open, format, seqlen }, recipe));
  const lacks = examplesProblem(state, recipe.steps)?.toData();
  const sizes = { ...modelSizes(model, summary.parameters), file_bytes: fileBytes(model) };
  return {
    recipe: recipe.text,
    steps: planned,
    ...sizes,
    ...(memory && { memory }),
    storage_bytes: written.needed + written.kept,
    refusals,
    files,
    ...(lacks && { lacks }),
  };
}

/** What the file will say of itself, by the functions that an export asks. */
function formatPlan(subject: FormatSubject, recipe: Recipe): PlanReport['files'][number] {
  const { model, open, format } = subject;
  const last = recipe.steps.at(-1);
  const isTrained = last !== undefined && findMethod(last.method)?.about.group === 'train';
  const refusal = formatRefusal({ ...subject, ...(!isTrained && { no_adapter: LAST_STEP }) });
  if (refusal) return { format, refusal: refusal.message, notes: [] };
  const file = plannedFile(model, format, open, isOneSlicing(recipe));
  const spreads = recipe.steps.some(({ method, options }) => findMethod(method)?.spreads?.(options as never));
  return spreads && format === 'transformers.js' ? { ...file, notes: [...file.notes, MAY_DIFFER] } : file;
}

const MAY_DIFFER =
  'The text decides how many heads and channels each layer keeps. Its cache wants as many heads in each: an export may then be refused.';

/** The shorthand of `--sparsity`: its report has more than other runs'. */
export function isOneSlicing({ steps }: Recipe): boolean {
  return steps.length === 1 && steps[0].method === 'slicegpt' && steps[0].options.dimensions === undefined;
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

function sentence(reason: string): string {
  const capital = reason.charAt(0).toUpperCase() + reason.slice(1);
  return capital.endsWith('.') ? capital : `${capital}.`;
}
