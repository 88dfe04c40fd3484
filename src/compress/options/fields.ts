/**
 * @file Options of a method as a valibot schema that people can read: every field has a label, a help text, limits and a
 * default. Forms, `--help METHOD`, the published JSON schema and the messages of bad recipes all come from it.
 */
import * as v from 'valibot';

/** What a field is, for forms and help. */
export type FieldMeta = {
  readonly label: string;
  readonly help: string;
  /** "bits", "inputs"; absent for a pure number. */
  readonly unit?: string;
} & (
  | {
      readonly type: 'number';
      readonly min: number;
      readonly max: number;
      readonly whole: boolean;
      readonly words?: readonly string[];
    }
  | { readonly type: 'choice'; readonly values: readonly (string | number)[] }
  | { readonly type: 'flag' }
  | { readonly type: 'numbers' }
  | { readonly type: 'text'; readonly form: string }
  | { readonly type: 'file'; readonly form: string }
);

export interface OptionField {
  readonly name: string;
  readonly meta: FieldMeta;
  /** What stands where nothing is given; absent for an option that may be left out altogether. */
  readonly default?: unknown;
}

type Words = { label: string; help: string; unit?: string };

/** A number from `min` to `max` (both allowed). */
export function number(words: Words, { min, max, value, whole = false }: Limits) {
  const check = whole ? v.pipe(v.number(), v.integer()) : v.pipe(v.number(), v.finite());
  const meta: FieldMeta = { ...words, type: 'number', min, max, whole };
  return v.optional(v.pipe(check, v.minValue(min), v.maxValue(max), v.metadata({ field: meta })), value);
}

interface Limits {
  min: number;
  max: number;
  /** The default. */
  value: number;
  whole?: boolean;
}

/** A number, or one of a few words: `group=32`, `group=row`; `ridge=auto`. */
export function numberOr<const W extends string>(
  words: Words,
  names: readonly W[],
  { min, max, value, whole = false }: Omit<Limits, 'value'> & { value: number | W },
) {
  const check = whole ? v.pipe(v.number(), v.integer()) : v.pipe(v.number(), v.finite());
  const meta: FieldMeta = { ...words, type: 'number', min, max, whole, words: names };
  const either = v.union([v.pipe(check, v.minValue(min), v.maxValue(max)), v.picklist(names)]);
  return v.optional(v.pipe(either, v.metadata({ field: meta })), value as never);
}

/** One of some words or numbers. */
export function choice<const T extends string | number>(words: Words, values: readonly T[], value: NoInfer<T>) {
  const meta: FieldMeta = { ...words, type: 'choice', values };
  return v.optional(v.pipe(v.picklist(values), v.metadata({ field: meta })), value as never);
}

/** As {@link choice}, without a default: the option may be absent. */
export function maybe<const T extends string | number>(words: Words, values: readonly T[]) {
  const meta: FieldMeta = { ...words, type: 'choice', values };
  return v.optional(v.pipe(v.picklist(values), v.metadata({ field: meta })));
}

export function flag(words: Words, value: boolean) {
  return v.optional(v.pipe(v.boolean(), v.metadata({ field: { ...words, type: 'flag' } satisfies FieldMeta })), value);
}

/** A list of whole numbers, only in JSON recipes; absent by default. */
export function numbers(words: Words) {
  const meta: FieldMeta = { ...words, type: 'numbers' };
  return v.optional(v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1))), v.metadata({ field: meta })));
}

/** A text of a form of its own, which `isRight` knows; absent by default. */
export function text(words: Words, form: string, isRight: (value: string) => boolean) {
  const meta: FieldMeta = { ...words, type: 'text', form };
  return v.optional(v.pipe(v.string(), v.check(isRight, `not of the form ${form}`), v.metadata({ field: meta })));
}

/** The name of a file that is given beside the recipe; absent by default. @param form "a JSON Lines file". */
export function file(words: Words, form: string) {
  const meta: FieldMeta = { ...words, type: 'file', form };
  const isName = (value: string) => value.trim() !== '';
  return v.optional(v.pipe(v.string(), v.check(isName, `not the name of ${form}`), v.metadata({ field: meta })));
}

/** Options of a method: an object of fields made above. */
export type OptionsSchema<Options> = v.GenericSchema<unknown, Options> & {
  readonly entries: Readonly<Record<string, v.GenericSchema>>;
};

/** The fields of a schema in the order they were written. */
export function fieldsOf(schema: Pick<OptionsSchema<unknown>, 'entries'>): OptionField[] {
  return Object.entries(schema.entries).map(([name, entry]) => {
    const { wrapped, default: value } = entry as unknown as { wrapped: v.GenericSchema; default?: unknown };
    const { field } = v.getMetadata(wrapped) as { field: FieldMeta };
    return { name, meta: field, ...(value !== undefined && { default: value }) };
  });
}

/** "a whole number from 1 to 256, or row", "2, 3, 4 or 8", "true or false". */
export function allowedValues(meta: FieldMeta): string {
  if (meta.type === 'flag') return 'true or false';
  if (meta.type === 'numbers') return 'a list of whole numbers (in a JSON recipe)';
  if (meta.type === 'text') return meta.form;
  if (meta.type === 'file') return `the name of ${meta.form}`;
  if (meta.type === 'choice') return listed(meta.values.map(String));
  const range = `${meta.whole ? 'a whole number' : 'a number'} from ${meta.min} to ${meta.max}`;
  return meta.words ? `${range}, or ${listed(meta.words)}` : range;
}

function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}
