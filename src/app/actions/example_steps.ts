/** @file Dropped files of prompts and answers: to the step that wants them, or a question where several do. */
import { fieldsOf } from '../../compress/options/fields.ts';
import { PRESETS } from '../../compress/recipe/presets.ts';
import { formatStep, makeRecipe, type StepInput, stepsOf } from '../../compress/recipe/recipe.ts';
import { findMethod } from '../../compress/registry.ts';
import type { Studio } from '../studio.ts';
import { ask } from './ask.ts';
import { takeExamples } from './examples.ts';

/** A step's option that a file of examples can be the value of. */
export interface ExamplePlace {
  /** Of the step, from 0. */
  step: number;
  method: string;
  option: string;
  /** The file that is named there; absent: none. */
  named?: string;
  /** Whether the step cannot begin as it is: it names no file though it needs one, or one that was not given. */
  wants: boolean;
}

/** @param given Names of the files at hand. */
export function examplePlaces(inputs: readonly StepInput[], given: readonly string[]): ExamplePlace[] {
  return inputs.flatMap((input, step) => {
    const { method, options = {} } = input;
    const fields = fieldsOf(findMethod(method)?.options ?? { entries: {} }).filter(({ meta }) => meta.type === 'file');
    return fields.map(({ name }) => {
      const named = typeof options[name] === 'string' ? options[name] : undefined;
      const wants = named === undefined ? needsFile(input) : !given.includes(named);
      return { step, method, option: name, ...(named !== undefined && { named }), wants };
    });
  });
}

function needsFile(input: StepInput): boolean {
  try {
    const [{ method, options }] = makeRecipe([input]).steps;
    return findMethod(method)?.examples?.(options as never) !== undefined;
  } catch {
    // What is wrong with it is said where it stands.
    return false;
  }
}

/** Whether a file's first line is a prompt, so that it is neither a task nor a text. */
export async function arePrompts(file: File): Promise<boolean> {
  const start = await file.slice(0, LOOK_BYTES).text();
  const line = start
    .replace(/^\uFEFF/, '')
    .split('\n')
    .find((each) => each.trim() !== '');
  try {
    const value: unknown = JSON.parse(line ?? '');
    return typeof value === 'object' && value !== null && ('prompt' in value || 'instruction' in value);
  } catch {
    return false;
  }
}

const LOOK_BYTES = 2 ** 18;

/**
 * Gives a dropped file to the step that wants it, without a question where there is no other; where several could have it, they are
 * asked for. @returns Whether it is known what the file is for.
 */
export async function giveToStep(studio: Studio, file: File): Promise<boolean> {
  const places = placesNow(studio);
  const wanting = places.filter(({ wants }) => wants);
  if (wanting.some(({ named }) => named === file.name)) {
    await takeExamples(studio, [file]);
    return true;
  }
  // A step that can do without is meant where none needs one.
  const open = wanting.length > 0 ? wanting : places.filter(({ named }) => named === undefined);
  if (open.length === 0 || !(await arePrompts(file))) return false;
  await trainOn(studio, [file], open);
  return true;
}

/** Takes files of examples, then names each in a step; where several steps could have it, the person chooses. */
export async function trainOn(studio: Studio, files: readonly File[], open?: readonly ExamplePlace[]): Promise<void> {
  if (!(await takeExamples(studio, files))) return;
  for (const file of files) {
    const places = open ?? placesNow(studio).filter(({ named }) => named !== file.name);
    if (places.length === 0) continue;
    const [first] = places;
    const isClear = places.length === 1 && (first.wants || first.named === undefined);
    const place = isClear ? first : await chosenPlace(studio, file.name, places);
    if (place) nameIn(studio, place, file.name);
  }
}

async function chosenPlace(
  studio: Studio,
  name: string,
  places: readonly ExamplePlace[],
): Promise<ExamplePlace | undefined> {
  const value = await ask(studio, {
    title: `Which step learns from ${name}?`,
    lines: ['The file is at hand now: it can be chosen in any step that learns from examples.'],
    answers: places.map(({ step, method, named }, i) => ({
      value: String(i),
      label: `Step ${step + 1}, ${method}${named === undefined ? '' : `, in place of ${named}`}`,
    })),
    refusal: 'None of them',
  });
  return value === null ? undefined : places[Number(value)];
}

/** The recipe may have been changed while it was asked: a step that is no longer there gets nothing. */
function nameIn({ store }: Studio, { step, method, option }: ExamplePlace, name: string): void {
  const inputs = stepsNow(store.getState().recipe);
  if (inputs[step]?.method !== method) return;
  const named = inputs.map((input, i) =>
    i === step ? { ...input, options: { ...input.options, [option]: name } } : input,
  );
  store.setState({ recipe: named.map(formatStep).join('; ') });
}

function placesNow({ store }: Studio): ExamplePlace[] {
  const { recipe, results } = store.getState();
  return examplePlaces(
    stepsNow(recipe),
    results.examples.map(({ name }) => name),
  );
}

function stepsNow(recipe: string): StepInput[] {
  try {
    return stepsOf(recipe || PRESETS[0].recipe);
  } catch {
    return [];
  }
}
