/** @file `--methods`, `--help METHOD` and `--plan`: what the registry and a plan tell, in lines for people. */
import type { AnyMethod } from '../compress/method.ts';
import { allowedValues, fieldsOf } from '../compress/options/fields.ts';
import { nearest } from '../compress/recipe/nearest.ts';
import { findMethod, METHODS } from '../compress/registry.ts';
import type { BackendInfo, PlanReport, SolvePlan } from '../engine/protocol.ts';
import { formatError, WhittleError } from '../errors/errors.ts';
import { alignColumns } from './format.ts';
import { memoryLines } from './memory_facts.ts';
import { bytes, compact } from './numbers.ts';

/** A line for each method. */
export function methodList(): string {
  const rows = METHODS.map(({ name, about }) => [name, about.label, about.group, about.paper ?? '']);
  return `${alignColumns([['method', 'label', 'group', 'paper'], ...rows], 'all')}\n\n--help METHOD explains one and its options.\n`;
}

/** Throws `bad_option` for a name that there is not. */
export function methodHelp(name: string): string {
  const method = findMethod(name);
  if (!method) {
    const names = METHODS.map((each) => each.name);
    const guess = nearest(name, names);
    throw new WhittleError({
      code: 'bad_option',
      message: `There is no method "${name}".`,
      place: { field: '--help' },
      allowed: names.join(', '),
      ...(guess && { action: `Did you mean ${guess}?` }),
    });
  }
  return `${helpLines(method).join('\n')}\n`;
}

function helpLines({ name, about, options, role, takes = [] }: AnyMethod): string[] {
  const fields = fieldsOf(options);
  const where = {
    step: [],
    modifier: ['Written right before the step that it acts on.'],
    follower: ['Written right behind the step that it acts with.'],
  }[role ?? 'step'];
  return [
    `${name}: ${about.label}${about.paper ? ` (${about.paper})` : ''}`,
    '',
    about.help,
    ...where,
    ...(takes.length > 0 ? [`Takes ${takes.join(' and ')} with it.`] : []),
    '',
    ...(fields.length > 0 ? ['Options:'] : ['It has no options.']),
    ...fields.flatMap(({ name: option, meta, default: fallback }) => [
      `  ${option}=  ${allowedValues(meta)}${meta.unit ? `, in ${meta.unit}` : ''}${fallback === undefined ? '' : ` (${String(fallback)})`}`,
      `      ${meta.help}`,
    ]),
    '',
    `Example: --recipe '${name}${fields.length > 0 && fields[0].default !== undefined ? `:${fields[0].name}=${String(fields[0].default)}` : ''}'`,
  ];
}

/** Sizes of a recipe before it runs, and why it will not. */
export function planText(
  plan: PlanReport,
  dense: { parameters: number; bytes: number },
  backend: Pick<BackendInfo, 'kind'>,
): string {
  const row = (
    name: string,
    sizes: Pick<PlanReport, 'parameters' | 'bytes' | 'bits_per_weight' | 'multiplications_per_token'>,
  ) => [
    name,
    compact(sizes.parameters),
    `${sizes.bytes} B`,
    sizes.bits_per_weight.toFixed(2),
    compact(sizes.multiplications_per_token),
  ];
  const rows = plan.steps.map((step) => row(step.recipe, step));
  const table = alignColumns(
    [['after', 'parameters', 'bytes, floats as F16', 'bits/weight', 'multiplications/token'], ...rows],
    ['after'],
  );
  return [
    `recipe      ${plan.recipe}`,
    `dense       ${compact(dense.parameters)} parameters, ${bytes(dense.bytes)} as stored`,
    ...(rows.length > 0 ? [table] : []),
    `storage     ${bytes(plan.storage_bytes)} of the browser's`,
    ...(plan.memory ? memoryLines(plan.memory, backend) : []),
    ...plan.files.flatMap(fileLines),
    ...plan.refusals.map(({ step, reason }) => `refused     ${step}: ${reason}`),
    ...(plan.lacks ? [`lacks       ${formatError(plan.lacks)}`] : []),
    '',
  ].join('\n');
}

/** What the search for a target size will need. */
export function searchText(
  { target_bytes, smallest_bytes, memory }: SolvePlan,
  backend: Pick<BackendInfo, 'kind'>,
): string {
  const reach =
    target_bytes < smallest_bytes
      ? [`refused     the smallest model that the format holds has ${smallest_bytes} B`]
      : [];
  return [
    `target      ${target_bytes} B of weights; the recipe is found by a search`,
    ...(memory ? memoryLines(memory, backend) : []),
    ...reach,
    '',
  ].join('\n');
}

/** Only what is known beforehand of a file. */
function fileLines({ format, weight_bytes, refusal, notes }: PlanReport['files'][number]): string[] {
  if (refusal !== undefined) return [`refused     as ${format}: ${refusal}`];
  const size = weight_bytes === undefined ? [] : [`file        ${format}: ${weight_bytes} B of weights`];
  return [...size, ...notes.map((note) => `note        ${format}: ${note}`)];
}
