/** @file Files of examples that a recipe names: whether they are there and hold what its steps need, and their words for the model. */
import type { ExampleFile, ExampleNeed, Template } from '../../compress/examples/examples.ts';
import type { AnyStep } from '../../compress/method.ts';
import { requireMethod } from '../../compress/registry.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { EngineState } from '../state.ts';
import type { OpenedExamples } from './set_examples.ts';
import { wordingOf } from './wording.ts';

type Given = Pick<EngineState, 'examples'>;

export function needOf({ method, options }: AnyStep): ExampleNeed | undefined {
  return requireMethod(method).examples?.(options as never);
}

/** Why the files at hand are not those that the steps name; undefined where they are. */
export function examplesProblem(state: Given, steps: readonly AnyStep[]): WhittleError | undefined {
  for (const step of steps) {
    const problem = problemOf(state, step, needOf(step));
    if (problem) return problem;
  }
  return undefined;
}

function problemOf(state: Given, step: AnyStep, need: ExampleNeed | undefined): WhittleError | undefined {
  if (!need) return undefined;
  if (need.file === '') return unnamed(step);
  const found = given(state, need.file);
  return found ? lacking(found, need) : absent(state, step, need);
}

/** By what a step learns from, beside its options. */
export function examplesKey(state: Given, step: AnyStep): string {
  const need = needOf(step);
  return need ? ` ${given(state, need.file)?.sha256 ?? ''} ` : '';
}

/** SHA-256 of the files that steps learn from, by name. */
export function examplesOf(state: Given, steps: readonly AnyStep[]): Record<string, string> {
  const entries = steps.flatMap((step) => {
    const need = needOf(step);
    const found = need && given(state, need.file);
    return found ? [[nameOf(need.file), found.sha256]] : [];
  });
  return Object.fromEntries(entries);
}

/** @throws `bad_option` where it was not given. */
export function exampleFile(state: EngineState, step: AnyStep, file: string, template: Template): ExampleFile {
  const found = given(state, file);
  if (!found) throw absent(state, step, { file, needs: [] });
  return { file: found.file, pairs: found.pairs, wording: wordingOf(state, template) };
}

/** A recipe may say where the file lies; it is known by its name. */
function given({ examples }: Given, file: string): OpenedExamples | undefined {
  return examples.get(nameOf(file));
}

function nameOf(file: string): string {
  return file.trim().split(/[/\\]/).at(-1) ?? file;
}

function absent({ examples }: Given, { method }: AnyStep, { file }: ExampleNeed): WhittleError {
  const names = [...examples.keys()];
  return new WhittleError({
    code: 'bad_option',
    message: `The step "${method}" learns from ${nameOf(file)}, and no such file was given.`,
    place: { file: nameOf(file), field: 'recipe' },
    allowed: names.length > 0 ? names.join(', ') : 'the name of a JSON Lines file that is given beside the recipe',
    action: 'Drop the file on the page, or give its path in the recipe of the headless command.',
  });
}

function unnamed({ method }: AnyStep): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: `The step "${method}" names no file to learn from.`,
    place: { field: 'recipe' },
    allowed: `${method}:data=FILE.jsonl, a JSON Lines file of prompts, with answers or without`,
    action: `Name a file. --help ${method} says what its lines hold.`,
  });
}

function lacking(opened: OpenedExamples, { needs, writes }: ExampleNeed): WhittleError | undefined {
  const { file, pairs } = opened;
  const isPrompts = pairs[0].completion === undefined;
  if (isPrompts && writes) return undefined;
  for (const field of needs) {
    const pair = pairs.find((each) => each[field] === undefined);
    if (!pair) continue;
    return new WhittleError({
      code: 'bad_jsonl',
      message: `This line has no ${field === 'completion' ? 'answer (completion, or output)' : field}.`,
      place: { file, line: pair.line, field },
      allowed: `prompts with ${needs.join(' and ')}${writes ? ', or prompts alone' : ''}`,
      action: writes
        ? `Add it to every line, or take the answers out: the dense model then writes ${needs.join(' and ')} itself.`
        : 'Add it to every line.',
    });
  }
  return undefined;
}
