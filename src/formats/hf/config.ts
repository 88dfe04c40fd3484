/** @file Reads config.json and turns schema issues into errors that name the key and the value. */
import * as v from 'valibot';
import { WhittleError } from '../../errors/errors.ts';
import { recogniseNotJson } from '../recognise.ts';
import type { ByteSource } from '../source.ts';
import { parsePythonJson, pythonJson } from './python_json.ts';

/** A config is a few kilobytes; anything near this is another file under its name. */
const MAX_CONFIG_BYTES = 10_000_000;

const OBJECT = 'a JSON object';

/** A parsed JSON object, not yet checked. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** Reads a small JSON file that must hold an object. Throws `bad_config`, or `not_a_model` for a foreign file. */
export async function readJsonObject(source: ByteSource): Promise<RawConfig> {
  if (source.size > MAX_CONFIG_BYTES) {
    throw bad(source.name, `The file has ${source.size} bytes.`, undefined, `at most ${MAX_CONFIG_BYTES}`);
  }
  const bytes = await source.read(0, source.size);
  let value: unknown;
  try {
    value = parsePythonJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const read = cause instanceof SyntaxError ? cause.message : 'it is not UTF-8 text';
    const reason = bytes.length === 0 ? 'it is empty' : read;
    throw (
      recogniseNotJson(source.name, bytes) ?? bad(source.name, `The file is not JSON: ${reason}.`, undefined, OBJECT)
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(source.name, `The file holds ${describeValue(value)}, not an object.`, undefined, OBJECT);
  }
  return value as RawConfig;
}

/** Checks a config against a schema. Throws `bad_config` for the first key that is missing or wrong. */
export function parseConfig<const S extends v.GenericSchema>(
  schema: S,
  raw: RawConfig,
  file: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, raw, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue) ?? undefined;
  const found = key !== undefined && issue.input === undefined ? 'is missing' : `is ${describeValue(issue.input)}`;
  throw bad(
    file,
    key === undefined ? issue.message : `${key} ${found}.`,
    key,
    key === undefined ? undefined : issue.message,
  );
}

export function bad(file: string, message: string, field?: string, allowed?: string): WhittleError {
  return new WhittleError({
    code: 'bad_config',
    message,
    place: { file, field },
    allowed,
    action: 'Fetch the file again from where the model comes from, or correct it.',
  });
}

export function describeValue(value: unknown): string {
  const text = value === undefined ? 'undefined' : pythonJson(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
