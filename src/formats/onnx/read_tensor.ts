/**
 * @file Reads a `TensorProto` without its values: type, shape, and where the values lie. Stricter than the references
 * where those accept a value given twice, or more bytes than the shape calls for. Field numbers: onnx.proto.
 */
import { type ErrorPlace, WhittleError } from '../../errors/errors.ts';
import { quoteText } from '../json.ts';
import { ONNX_TYPES, type OnnxType } from './data_types.ts';
import type { Field, MessageReader } from './read_wire.ts';

/** Where a tensor's values lie; offsets count from the start of the file that holds them. */
export type Location =
  | { readonly kind: 'inline'; readonly offset: number }
  | { readonly kind: 'external'; readonly file: string; readonly offset: number }
  /** A list that is not laid out as `raw_data`: `int32_data` in one piece is read as numbers of variable length, others are listed. */
  | {
      readonly kind: 'list';
      readonly field: string;
      readonly numbers?: { readonly offset: number; readonly length: number };
    }
  | { readonly kind: 'none' };

export interface StoredTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  readonly elements: number;
  /** dims × element size, whole bytes; 0 for text. */
  readonly bytes: number;
  readonly location: Location;
}

const MAX_RANK = 32;
/** Typed value lists: field, name, and the types whose bytes they hold exactly as `raw_data` would when packed. */
const VALUE_LISTS: ReadonlyMap<number, { name: string; same_as_raw: readonly string[] }> = new Map([
  [4, { name: 'float_data', same_as_raw: ['FLOAT', 'COMPLEX64'] }],
  [5, { name: 'int32_data', same_as_raw: [] }],
  [6, { name: 'string_data', same_as_raw: [] }],
  [7, { name: 'int64_data', same_as_raw: [] }],
  [10, { name: 'double_data', same_as_raw: ['DOUBLE', 'COMPLEX128'] }],
  [11, { name: 'uint64_data', same_as_raw: [] }],
]);
const RAW_DATA = 9;

interface Values {
  readonly name: string;
  readonly field: Field;
  /** Further pieces of the same list: legal protobuf, written by nobody for weights. */
  pieces: number;
}

/** Throws `bad_onnx`; `fallback` names a tensor that may be unnamed (an attribute's). */
export async function readTensor(message: MessageReader, file: string, fallback?: string): Promise<StoredTensor> {
  let name = '';
  let type_number = 0;
  const dims: number[] = [];
  const values = new Map<number, Values>();
  const external: [string, string][] = [];
  let is_external = false;
  let segmented = false;
  for (let field = await message.next(); field; field = await message.next()) {
    const list = VALUE_LISTS.get(field.number);
    if (list || field.number === RAW_DATA) {
      if (field.number === RAW_DATA) message.expect(field, 'bytes');
      const known = values.get(field.number);
      if (known) known.pieces++;
      else if (field.end > field.start) {
        values.set(field.number, { name: list?.name ?? 'raw_data', field, pieces: 1 });
      }
    } else if (field.number === 1) dims.push(...(await message.ints(field, MAX_RANK)));
    else if (field.number === 2) type_number = message.int(field);
    else if (field.number === 3) segmented = true;
    else if (field.number === 8) name = await message.string(field);
    else if (field.number === 13) external.push(await readEntry(message.child(field)));
    else if (field.number === 14) is_external = message.int(field) === 1;
    if (dims.length > MAX_RANK) throw message.bad(field.start, `a shape has more than ${MAX_RANK} sizes`);
  }
  name ||= fallback ?? '';
  if (name === '') throw bad(file, 'An initialiser has no name.', {});
  const tensor = name;
  const type = ONNX_TYPES.get(type_number);
  if (!type) throw bad(file, `The data type ${type_number} of ${quoteText(name)} is unknown.`, { tensor });
  if (segmented) throw bad(file, `The values of ${quoteText(name)} come in segments, which nothing reads.`, { tensor });
  const { elements, bytes } = size(file, name, dims, type);
  if (values.size + (is_external || external.length > 0 ? 1 : 0) > 1) {
    const given = [
      ...[...values.values()].map((value) => value.name),
      ...(external.length > 0 ? ['external_data'] : []),
    ];
    throw bad(file, `${quoteText(name)} has values in two places: ${given.join(' and ')}.`, { tensor });
  }
  const [list] = values.values();
  const location =
    is_external || external.length > 0
      ? readExternal(file, name, external, bytes)
      : locate(file, name, type, dims, elements, bytes, list);
  return { name, type, dims, elements, bytes, location };
}

function size(file: string, name: string, dims: readonly number[], { bits = 0 }: OnnxType) {
  let elements = 1;
  for (const dim of dims) {
    if (!(dim >= 0)) throw bad(file, `The shape of ${quoteText(name)} holds ${dim}.`, { tensor: name }, 'sizes from 0');
    elements *= dim;
    if (dim > Number.MAX_SAFE_INTEGER || elements > Number.MAX_SAFE_INTEGER / 128) {
      throw bad(file, `The size of ${quoteText(name)} overflows: [${dims.join(', ')}].`, { tensor: name });
    }
  }
  return { elements, bytes: Math.ceil((elements * bits) / 8) };
}

function locate(
  file: string,
  name: string,
  type: OnnxType,
  dims: readonly number[],
  elements: number,
  bytes: number,
  values: Values | undefined,
): Location {
  const place = { tensor: name };
  if (!values) {
    if (elements === 0) return { kind: 'none' };
    throw bad(file, `${quoteText(name)} has no values, but its shape is [${dims.join(', ')}].`, place);
  }
  const { field, pieces } = values;
  const list = VALUE_LISTS.get(field.number);
  if (list && (pieces > 1 || field.wire !== 'bytes' || !list.same_as_raw.includes(type.name))) {
    const isWhole = list.name === 'int32_data' && pieces === 1 && field.wire === 'bytes' && type.bits !== undefined;
    const numbers = { offset: field.start, length: field.end - field.start };
    return { kind: 'list', field: list.name, ...(isWhole && type.bits! <= 32 && { numbers }) };
  }
  if (pieces > 1) throw bad(file, `${quoteText(name)} has raw_data twice.`, place);
  const found = field.end - field.start;
  if (found !== bytes || type.bits === undefined) {
    const expected = type.bits === undefined ? 'none, for text' : `${bytes} (${type.name} [${dims.join(', ')}])`;
    throw bad(file, `${quoteText(name)} has ${found} bytes in ${values.name}, expected ${expected}.`, place);
  }
  return { kind: 'inline', offset: field.start };
}

/** Known keys of `external_data` (onnx/docs/ExternalData.md). */
const EXTERNAL_KEYS = ['location', 'offset', 'length', 'checksum'];

function readExternal(
  file: string,
  name: string,
  entries: readonly (readonly [string, string])[],
  bytes: number,
): Location {
  const place = { tensor: name, field: 'external_data' };
  const known = new Map<string, string>();
  for (const [key, value] of entries) {
    if (!EXTERNAL_KEYS.includes(key)) {
      throw bad(file, `The external data of ${quoteText(name)} has the unknown key ${quoteText(key)}.`, place);
    }
    if (known.has(key)) throw bad(file, `The external data of ${quoteText(name)} has ${key} twice.`, place);
    known.set(key, value);
  }
  const location = (known.get('location') ?? '').replace(/^(\.\/)+/, '');
  if (!/^[^/\\:\0]+$/.test(location) || location === '.' || location === '..') {
    const found = `The external file of ${quoteText(name)} is ${quoteText(known.get('location') ?? '')}.`;
    throw bad(file, found, place, 'a plain file name beside the model');
  }
  const number = (key: string, fallback: number): number => {
    const text = known.get(key);
    if (text === undefined) return fallback;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value)) return value;
    const found = `The external ${key} of ${quoteText(name)} is ${quoteText(text)}.`;
    throw bad(file, found, place, `plain integers from 0 to ${Number.MAX_SAFE_INTEGER}`);
  };
  const length = number('length', bytes);
  if (length !== bytes) {
    throw bad(file, `${quoteText(name)} has ${length} bytes of external data, expected ${bytes}.`, place);
  }
  return { kind: 'external', file: location, offset: number('offset', 0) };
}

/** A `StringStringEntryProto`. */
export async function readEntry(message: MessageReader): Promise<[string, string]> {
  let key = '';
  let value = '';
  for (let field = await message.next(); field; field = await message.next()) {
    if (field.number === 1) key = await message.string(field);
    else if (field.number === 2) value = await message.string(field);
  }
  return [key, value];
}

export function bad(
  file: string,
  message: string,
  place: Omit<ErrorPlace, 'file'> = {},
  allowed = 'an ONNX model that onnx.checker passes',
  action = 'Export the model again, or save it anew with the onnx library.',
): WhittleError {
  return new WhittleError({ code: 'bad_onnx', message, place: { file, ...place }, allowed, action });
}
