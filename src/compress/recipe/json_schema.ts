/** @file The published JSON schema of recipes (`public/recipe.schema.json`), made from the registry: editors complete and check by it. */
import { type FieldMeta, fieldsOf } from '../options/fields.ts';
import { METHODS } from '../registry.ts';

type Json = Record<string, unknown>;

/** Draft 2020-12. */
export function recipeSchema(): Json {
  const steps = {
    type: 'array',
    minItems: 1,
    items: { oneOf: METHODS.map(({ name }) => ({ $ref: `#/$defs/${name}` })) },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A recipe of Whittle',
    description: 'Steps in order, each a method with its options; options that are absent have their defaults.',
    oneOf: [
      {
        type: 'object',
        properties: { $schema: { type: 'string' }, steps },
        required: ['steps'],
        additionalProperties: false,
      },
      steps,
    ],
    $defs: Object.fromEntries(METHODS.map((method) => [method.name, stepSchema(method)])),
  };
}

function stepSchema({ name, about, options }: (typeof METHODS)[number]): Json {
  const properties = Object.fromEntries(fieldsOf(options).map((field) => [field.name, fieldSchema(field)]));
  return {
    title: about.label,
    description: about.paper ? `${about.help} (${about.paper})` : about.help,
    type: 'object',
    properties: { method: { const: name }, options: { type: 'object', properties, additionalProperties: false } },
    required: ['method'],
    additionalProperties: false,
  };
}

function fieldSchema({ meta, default: value }: { meta: FieldMeta; default?: unknown }): Json {
  const words = { title: meta.label, description: meta.help, ...(value !== undefined && { default: value }) };
  return { ...words, ...typeOf(meta) };
}

function typeOf(meta: FieldMeta): Json {
  if (meta.type === 'flag') return { type: 'boolean' };
  if (meta.type === 'choice') return { enum: [...meta.values] };
  if (meta.type === 'text' || meta.type === 'file') return { type: 'string', description: meta.form };
  if (meta.type === 'numbers') return { type: 'array', items: { type: 'integer', minimum: 1 } };
  const number = { type: meta.whole ? 'integer' : 'number', minimum: meta.min, maximum: meta.max };
  return meta.words ? { anyOf: [number, { enum: [...meta.words] }] } : number;
}
