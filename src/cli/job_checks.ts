/** @file What is asked before a headless job spends minutes. */
import type { Recipe } from '../compress/recipe/recipe.ts';
import { resolveHead, sliceDimension } from '../engine/plan.ts';
import type { ModelSummary, PlannedMemory } from '../engine/protocol.ts';
import { WhittleError } from '../errors/errors.ts';
import type { Driver } from './browser.ts';
import type { JobInputs, JobObserver } from './job_types.ts';
import type { CliOptions } from './options.ts';

/** What each recipe will need, and the search for one. Throws `bad_option` for a target in a format that holds none. */
export async function plannedRecipes(
  { target, format: [format = 'onnx'] }: CliOptions,
  recipes: readonly Recipe[],
  driver: Driver,
): Promise<PlannedMemory[]> {
  const planned: PlannedMemory[] = [];
  for (const { steps } of recipes) {
    const { memory } = await driver.run('plan', { steps });
    if (memory) planned.push(memory);
  }
  const search = target && (await driver.run('plan_solve', { target, format }));
  if (search?.memory) planned.push(search.memory);
  return planned;
}

/** Every sparsity, before minutes are spent on the first. Throws `bad_option` or `not_sliceable`. */
export function checkSettings({ sparsity, round, head }: CliOptions, { architecture, shape }: ModelSummary): void {
  if (sparsity.length === 0) return;
  if (shape.slicing_refusal !== undefined) {
    throw new WhittleError({
      code: 'not_sliceable',
      message: `${architecture} cannot be sliced by SliceGPT. ${shape.slicing_refusal}`,
      place: { field: '--sparsity' },
      action: 'To measure and export the model as it is, give --sparsity none.',
    });
  }
  resolveHead(head, shape);
  for (const share of sparsity) sliceDimension(shape.hidden_size, share, round);
}

/** Reads the files that recipes name. Throws `bad_jsonl`. */
export async function takeExamples({ examples }: JobInputs, driver: Driver, observer: JobObserver): Promise<void> {
  if (!examples) return;
  for (const { name, pairs, has_completions } of await driver.run('set_examples', { source: examples })) {
    observer.onFact?.(`examples    ${name}, ${pairs} ${has_completions ? 'prompts with answers' : 'prompts'}`);
  }
}

/** Every recipe, before minutes are spent on the first, and what their files cannot hold. Throws `bad_option` or `not_sliceable`. */
export async function checkRecipes(
  recipes: readonly Recipe[],
  formats: CliOptions['format'],
  driver: Driver,
  observer: JobObserver,
): Promise<void> {
  const told = new Set<string>();
  for (const recipe of recipes) {
    const { refusals, files, lacks } = await driver.run('plan', { steps: recipe.steps, formats });
    for (const { format, notes } of files) for (const note of notes) told.add(`note: ${format}: ${note}`);
    if (lacks) throw WhittleError.fromData(lacks);
    if (refusals.length === 0) continue;
    const [{ step, reason }] = refusals;
    throw new WhittleError({
      code: 'bad_option',
      message: `This model does not permit the step "${step}" of "${recipe.text}": ${reason.replace(/\.$/, '')}.`,
      place: { field: '--recipe' },
      action: 'Leave the step out, or open another model. --plan tells what every recipe would make.',
    });
  }
  for (const note of told) observer.onFact?.(note);
}
