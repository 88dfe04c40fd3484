/**
 * @file Recipes: steps in order, each a method with its options. As text,
 * `embed:bits=8; correct:ridge=1; gptq:bits=4,group=32` (the first colon of a step ends its name), or as JSON,
 * `{"steps": [{"method": "gptq", "options": {"bits": 4}}]}`. Mistakes are told with the step, the option, what is allowed
 * and what the default is.
 */
import * as v from 'valibot';
import { WhittleError } from '../../errors/errors.ts';
import type { AnyMethod, AnyStep } from '../method.ts';
import { allowedValues, type FieldMeta, fieldsOf, type OptionField } from '../options/fields.ts';
import { findMethod, METHODS } from '../registry.ts';
import { nearest } from './nearest.ts';
import { assertOrder } from './passes.ts';

export interface Recipe {
  /** As it was written, in one spelling: what reports and charts show. */
  readonly text: string;
  /** Options checked, and complete: defaults are filled in. */
  readonly steps: readonly AnyStep[];
}

/** A step as a person gives it: options may be missing. */
export interface StepInput {
  readonly method: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Text, or JSON where it begins with a bracket or a brace. Throws `bad_option`. */
export function parseRecipe(text: string): Recipe {
  return makeRecipe(stepsOf(text));
}

/** The steps as they are written, without defaults and unchecked but for their form: what a form edits. Throws `bad_option`. */
export function stepsOf(text: string): StepInput[] {
  const trimmed = text.trim();
  return /^[[{]/.test(trimmed) ? stepsOfJson(trimmed) : stepsOfText(trimmed);
}

/** Checks every step and their order. Throws `bad_option`. */
export function makeRecipe(inputs: readonly StepInput[]): Recipe {
  if (inputs.length === 0) {
    throw bad(
      'The recipe has no steps.',
      'one or several steps, as in "rtn:bits=4,group=32"',
      '--methods lists all methods.',
    );
  }
  const steps = inputs.map((input, index) => checkStep(input, index, inputs.length));
  assertOrder(steps);
  return { text: inputs.map(formatStep).join('; '), steps };
}

/** A step as text; options are written as they were given. */
export function formatStep({ method, options = {} }: StepInput): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const written = given.map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('/') : String(value)}`);
  return written.length === 0 ? method : `${method}:${written.join(',')}`;
}

/** Without what is a default: the shortest text that means the same. */
export function withoutDefaults({ method, options = {} }: StepInput): StepInput {
  const fields = findMethod(method) ? fieldsOf((findMethod(method) as AnyMethod).options) : [];
  const isDefault = ([name, value]: [string, unknown]) =>
    fields.find((field) => field.name === name)?.default === value;
  return { method, options: Object.fromEntries(Object.entries(options).filter((entry) => !isDefault(entry))) };
}

function stepsOfText(text: string): StepInput[] {
  const parts = text.split(/\s*;\s*|\n+/).map((part) => part.trim());
  // A last semicolon ends the last step; an empty step elsewhere is a slip.
  if (parts.at(-1) === '') parts.pop();
  return parts.map((part, index) => {
    if (part === '')
      throw bad(`Step ${index + 1} of the recipe is empty.`, 'method:option=value,option=value; method…');
    const colon = part.indexOf(':');
    const method = (colon < 0 ? part : part.slice(0, colon)).trim();
    const rest = colon < 0 ? '' : part.slice(colon + 1).trim();
    const fields = methodOf(method, index).fields;
    return { method, options: optionsOfText(rest, place(method, index), fields) };
  });
}

function optionsOfText(text: string, where: string, fields: readonly OptionField[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  if (text === '') return options;
  for (const part of text.split(',').map((each) => each.trim())) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim();
    if (equals < 1) throw bad(`${where} has "${part}", which is no option=value.`, describeFields(fields));
    if (Object.hasOwn(options, name)) throw bad(`${where} gives ${name} twice.`, `${name} once`);
    const field = fields.find((each) => each.name === name);
    options[name] = field ? valueOfText(part.slice(equals + 1).trim(), field.meta) : part.slice(equals + 1).trim();
  }
  return options;
}

/** What a text stands for; where it is nothing that the field knows it stays a text, which its check refuses. */
function valueOfText(text: string, meta: FieldMeta): unknown {
  if (meta.type === 'flag') return text === 'true' ? true : text === 'false' ? false : text;
  if (meta.type === 'numbers') return text.split('/').map(Number);
  if (meta.type === 'text' || meta.type === 'file') return text;
  if (meta.type === 'choice') return meta.values.find((value) => String(value) === text) ?? text;
  if (meta.words?.includes(text)) return text;
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** JSON.parse makes a key of `__proto__`, which copies would lose. */
function isOptions(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Object.hasOwn(value, '__proto__');
}

const JSON_STEP = v.strictObject({
  method: v.string('the name of a method'),
  options: v.optional(v.custom<Record<string, unknown>>(isOptions)),
});
const JSON_RECIPE = v.union([
  v.array(JSON_STEP),
  v.strictObject({ $schema: v.optional(v.string()), steps: v.array(JSON_STEP) }),
]);

function stepsOfJson(text: string): StepInput[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw bad(`The recipe is no JSON: ${(thrown as Error).message}.`, JSON_FORM);
  }
  return stepsOfValue(value);
}

const EXPLAINED = '--methods lists all methods, --help METHOD explains one with an example.';
const JSON_FORM = '{"steps": [{"method": "rtn", "options": {"bits": 4}}]}, or the list of steps alone';

/** Steps of parsed JSON. Throws `bad_option`. */
export function stepsOfValue(value: unknown): StepInput[] {
  const parsed = v.safeParse(JSON_RECIPE, value);
  if (!parsed.success) throw bad(`The recipe is JSON, but not of the form of a recipe: ${oddPart(value)}.`, JSON_FORM);
  return Array.isArray(parsed.output) ? parsed.output : parsed.output.steps;
}

/** The first part that is not as {@link JSON_FORM} has it. */
function oddPart(value: unknown): string {
  const isObject = (given: unknown): given is Record<string, unknown> => typeof given === 'object' && given !== null;
  if (!isObject(value)) return 'it is neither an object nor a list';
  const known = ['$schema', 'steps'];
  const more = Array.isArray(value) ? undefined : Object.keys(value).find((key) => !known.includes(key));
  if (more !== undefined) return `"${more}" is not known`;
  const steps = Array.isArray(value) ? value : value.steps;
  if (!Array.isArray(steps)) return 'steps is not a list';
  const index = steps.findIndex((step) => !v.safeParse(JSON_STEP, step).success);
  if (index < 0) return '$schema is not a text';
  return `Step ${index + 1} ${oddStep(steps[index])}`;
}

/** What is wrong with a step that is not {"method": …, "options": {…}}. */
function oddStep(step: unknown): string {
  if (typeof step !== 'object' || step === null || Array.isArray(step)) return 'is no object';
  const { method, options: _, ...more } = step as Record<string, unknown>;
  const [extra] = Object.keys(more);
  if (extra !== undefined) return `has "${extra}" beside "method" and "options"; options stand inside "options"`;
  if (typeof method !== 'string') return method === undefined ? 'names no method' : 'has a method that is no text';
  return 'has options that are no object';
}

function methodOf(name: string, index: number): { method: AnyMethod; fields: OptionField[] } {
  const method = findMethod(name);
  if (method) return { method, fields: fieldsOf(method.options) };
  const names = METHODS.map((each) => each.name);
  const guess = nearest(name, names);
  throw bad(
    `Step ${index + 1} of the recipe names the method "${name}", which there is not.`,
    names.join(', '),
    guess ? `Did you mean ${guess}? --methods lists all with what they do.` : '--methods lists all with what they do.',
  );
}

function checkStep({ method: name, options = {} }: StepInput, index: number, count: number): AnyStep {
  const { method, fields } = methodOf(name, index);
  const where = count > 1 ? place(name, index) : `"${name}"`;
  const unknown = Object.keys(options).find((key) => !fields.some((field) => field.name === key));
  if (unknown !== undefined) {
    const guess = nearest(
      unknown,
      fields.map((field) => field.name),
    );
    throw bad(
      `${where} has no option "${unknown}".`,
      describeFields(fields),
      `${guess ? `Did you mean ${guess}? ` : ''}--help ${name} explains them.`,
    );
  }
  for (const field of fields) checkValue(method, field, options[field.name], where);
  const parsed = v.safeParse(method.options, options);
  if (parsed.success) return { method: name, options: parsed.output as Record<string, unknown> };
  // Each field by itself is right: what remains is a check between several.
  throw bad(`${where}: ${parsed.issues[0].message}`, describeFields(fields));
}

function checkValue(method: AnyMethod, { name, meta, default: fallback }: OptionField, value: unknown, where: string) {
  if (v.safeParse(method.options.entries[name], value).success) return;
  throw bad(
    `${where} has ${name} = ${shown(value)}.`,
    `${name}: ${allowedValues(meta)}${fallback === undefined ? '' : ` (default ${String(fallback)})`}`,
    meta.help,
  );
}

function describeFields(fields: readonly OptionField[]): string {
  if (fields.length === 0) return 'no options';
  return fields
    .map(({ name, meta, default: fallback }) => {
      return `${name}: ${allowedValues(meta)}${fallback === undefined ? '' : ` (default ${String(fallback)})`}`;
    })
    .join('; ');
}

function place(method: string, index: number): string {
  return `Step ${index + 1}, "${method}",`;
}

function bad(message: string, allowed: string, action = EXPLAINED): WhittleError {
  return new WhittleError({ code: 'bad_option', message, place: { field: 'recipe' }, allowed, action });
}

/** JSON has no NaN. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
