/**
 * @file The published JSON schema of project files (`public/project.schema.json`), made from the schema that reads them. Covers
 * the parts of valibot that stand there; another part is an error of the test that writes the file.
 */
import type { GenericSchema } from 'valibot';
import {
  bases,
  model,
  number,
  parts,
  perplexity,
  protocol,
  run,
  score,
  site,
  solution,
  step,
  worst,
} from './reports.ts';
import { projectSchema } from './schema.ts';

/** Written once, under these names. */
const NAMED = { model, number, parts, perplexity, protocol, run, bases, score, site, solution, step, worst };
const NAMES = new Map<unknown, string>(Object.entries(NAMED).map(([name, schema]) => [schema, name]));

type Json = Record<string, unknown>;

/** What this reads of a schema of valibot. */
interface Node {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Node>>;
  readonly item?: Node;
  readonly value?: Node;
  readonly literal?: unknown;
  readonly wrapped?: Node;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly { readonly kind: string; readonly type: string; readonly requirement?: unknown }[];
}

/** Draft 2020-12. */
export function projectJsonSchema(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A project of Whittle',
    description:
      'What a session of the studio knows of a model: its fingerprint, settings, recipes, dimensions, spectra, runs and metrics; no weights, no texts, no exported files.',
    ...schemaOf(projectSchema),
    $defs: Object.fromEntries(Object.entries(NAMED).map(([name, schema]) => [name, schemaOf(schema)])),
  };
}

function schemaOf(schema: GenericSchema): Json {
  const node = schema as unknown as Node;
  const bounds = Object.assign({}, ...(node.pipe ?? []).map(boundOf)) as Json;
  return { ...typeOf(node), ...bounds };
}

function of(node: Node | undefined): Json {
  const name = NAMES.get(node);
  return name === undefined ? schemaOf(node as unknown as GenericSchema) : { $ref: `#/$defs/${name}` };
}

function typeOf(node: Node): Json {
  switch (node.type) {
    case 'object': {
      const entries = Object.entries(node.entries ?? {});
      const required = entries.filter(([, { type }]) => type !== 'optional').map(([name]) => name);
      return {
        type: 'object',
        properties: Object.fromEntries(entries.map(([name, each]) => [name, of(each)])),
        ...(required.length > 0 && { required }),
      };
    }
    case 'array':
      return { type: 'array', items: of(node.item) };
    case 'record':
      return { type: 'object', additionalProperties: of(node.value) };
    case 'optional':
      return of(node.wrapped);
    case 'nullable':
      return { anyOf: [of(node.wrapped), { type: 'null' }] };
    case 'union':
    case 'variant':
      return { anyOf: (node.options as readonly Node[]).map(of) };
    case 'literal':
      return { const: node.literal };
    case 'picklist':
      return { enum: [...(node.options ?? [])] };
    case 'unknown':
      return {};
    case 'string':
    case 'number':
    case 'boolean':
      return { type: node.type };
    default:
      throw new Error(`No JSON schema is written for ${node.type}.`);
  }
}

function boundOf({ kind, type, requirement }: NonNullable<Node['pipe']>[number]): Json {
  // The first part of a pipe is the schema itself; what is read is changed into something else only afterwards.
  if (kind !== 'validation' || type === 'check') return {};
  switch (type) {
    case 'integer':
      return { type: 'integer' };
    case 'min_value':
      return { minimum: requirement };
    case 'max_value':
      return { maximum: requirement };
    case 'min_length':
      return { minLength: requirement };
    case 'max_length':
      // Bounds of size guard this reader; to another they say nothing of the format.
      return {};
    case 'regex':
      return { pattern: (requirement as RegExp).source };
    default:
      throw new Error(`No JSON schema is written for ${type}.`);
  }
}
