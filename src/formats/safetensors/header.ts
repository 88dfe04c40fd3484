/**
 * @file Reads the header of one safetensors file: 8 bytes of little-endian length, then a JSON object, then the data.
 * Stricter than the reference where that accepts what its own README forbids (a tensor declared twice). Source:
 * huggingface/safetensors README and `src/tensor.rs`.
 */
import { type ErrorData, WhittleError } from '../../errors/errors.ts';
import { JsonFault, JsonNumber, type JsonObject, type JsonValue, parseJson, quoteText, showJson } from '../json.ts';
import { recogniseForeign, SIGNATURE_BYTES } from '../recognise.ts';
import type { ByteSource } from '../source.ts';
import { DTYPE_BITS } from './dtypes.ts';

/** The format's own limit; decimal, as the reference has it. */
export const MAX_HEADER_BYTES = 100_000_000;
/** Beyond any real model; keeps a hostile header from filling memory. */
export const MAX_TENSORS = 1_000_000;
const LENGTH_BYTES = 8;

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Offset in the file, not in the data section. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  /** In file order of their bytes. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Reads and checks the header; no tensor data is read. Throws `not_a_model`, `bad_safetensors`, `truncated_file`. */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const length = await headerLength(source);
  const root = parseHeader(source.name, await source.read(LENGTH_BYTES, length));
  const metadata = readMetadata(source.name, root.get('__metadata__'));
  root.delete('__metadata__');
  if (root.size > MAX_TENSORS) {
    throw bad(source.name, `The header declares ${root.size} tensors.`, {}, `at most ${MAX_TENSORS}`);
  }
  const dataStart = LENGTH_BYTES + length;
  const entries = [...root].map(([name, value]) => readEntry(source.name, name, value, dataStart));
  entries.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  checkLayout(source, entries, dataStart);
  return { entries, metadata };
}

async function headerLength(source: ByteSource): Promise<number> {
  const head = await source.read(0, Math.min(source.size, SIGNATURE_BYTES));
  const foreign = recogniseForeign(source.name, head);
  if (head.length < LENGTH_BYTES) {
    if (foreign) throw foreign;
    throw new WhittleError({
      code: 'not_a_model',
      message: `This is not a safetensors file: it has ${head.length} bytes, and at least ${LENGTH_BYTES} are needed.`,
      place: { file: source.name },
      allowed: 'a safetensors file: 8 bytes of length, a header in JSON, the data',
      action: 'Download the file again.',
    });
  }
  // BigInt first: 2^64 − 1 must not be rounded before it is compared
  const declared = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  const room = source.size - LENGTH_BYTES;
  const plausible = declared > 0n && declared <= MAX_HEADER_BYTES && declared <= room;
  if (!plausible && foreign) throw foreign;
  if (declared === 0n) throw bad(source.name, 'The header is empty: its length is 0.');
  if (declared > MAX_HEADER_BYTES) {
    throw bad(source.name, `The header is too large: ${declared} bytes.`, {}, `at most ${MAX_HEADER_BYTES} bytes`);
  }
  if (declared > room) {
    throw new WhittleError({
      code: 'truncated_file',
      message: `The header says ${declared} bytes, but the file has only ${room} after the length.`,
      place: { file: source.name },
      allowed: `at most ${room} bytes, or a longer file`,
      action: 'The download may be incomplete: fetch the file again.',
    });
  }
  return Number(declared);
}

function parseHeader(file: string, bytes: Uint8Array): JsonObject {
  let root: JsonValue;
  try {
    root = parseJson(bytes);
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    throw headerFault(file, fault);
  }
  if (!(root instanceof Map)) throw bad(file, `The header is not a JSON object but ${showJson(root)}.`);
  return root;
}

function headerFault(file: string, fault: JsonFault): WhittleError {
  if (fault.duplicate_key !== undefined) {
    const [tensor] = fault.path;
    if (tensor === undefined) {
      return bad(file, `Tensor ${quoteText(fault.duplicate_key)} is declared twice.`, { tensor: fault.duplicate_key });
    }
    const field = fault.duplicate_key;
    return bad(file, `Field ${quoteText(field)} of ${quoteText(tensor)} is given twice.`, { tensor, field });
  }
  if (fault.path[0] === '__metadata__') {
    return bad(file, `The metadata must be text: ${fault.message} at byte ${fault.byte}.`, { field: '__metadata__' });
  }
  if (fault.message === 'not UTF-8') return bad(file, `The header is not UTF-8 at byte ${fault.byte}.`);
  return bad(file, `The header is not a JSON object: ${fault.message} at byte ${fault.byte}.`);
}

function readMetadata(file: string, value: JsonValue | undefined): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  if (value === undefined) return metadata;
  const place = { field: '__metadata__' };
  if (!(value instanceof Map)) throw bad(file, `The metadata must be text, not ${showJson(value)}.`, place);
  for (const [key, text] of value) {
    if (typeof text !== 'string')
      throw bad(file, `The metadata must be text; ${quoteText(key)} is ${showJson(text)}.`, place);
    metadata.set(key, text);
  }
  return metadata;
}

function readEntry(file: string, name: string, value: JsonValue, dataStart: number): SafetensorsEntry {
  if (!(value instanceof Map))
    throw bad(file, `Tensor ${quoteText(name)} is ${showJson(value)}.`, { tensor: name }, 'an object');
  const field = (key: string): JsonValue => {
    const found = value.get(key);
    if (found === undefined) throw bad(file, `Tensor ${quoteText(name)} has no ${key}.`, { tensor: name, field: key });
    return found;
  };
  const dtype = field('dtype');
  const bits = typeof dtype === 'string' ? DTYPE_BITS.get(dtype) : undefined;
  if (typeof dtype !== 'string' || bits === undefined) {
    const found = typeof dtype === 'string' ? quoteText(dtype) : showJson(dtype);
    throw bad(
      file,
      `The dtype ${found} of ${quoteText(name)} is unknown.`,
      { tensor: name, field: 'dtype' },
      [...DTYPE_BITS.keys()].join(', '),
    );
  }
  const shapeValue = field('shape');
  if (!Array.isArray(shapeValue)) {
    throw bad(
      file,
      `The shape of ${quoteText(name)} is ${showJson(shapeValue)}.`,
      { tensor: name, field: 'shape' },
      'a list',
    );
  }
  const shape = shapeValue.map((size) => integer(file, name, 'shape', size));
  const offsets = field('data_offsets');
  if (!Array.isArray(offsets) || offsets.length !== 2) {
    const found = Array.isArray(offsets) ? `${offsets.length} numbers` : showJson(offsets);
    throw bad(
      file,
      `The data_offsets of ${quoteText(name)} are ${found}.`,
      { tensor: name, field: 'data_offsets' },
      'two numbers',
    );
  }
  const [begin, end] = offsets.map((offset) => integer(file, name, 'data_offsets', offset));
  if (end < begin) {
    throw bad(file, `The data_offsets of ${quoteText(name)} end at ${end}, before they begin at ${begin}.`, {
      tensor: name,
      field: 'data_offsets',
    });
  }
  const needed = tensorBytes(file, name, shape, bits);
  if (end - begin !== needed) {
    const what = `${dtype} [${shape.join(', ')}]`;
    throw bad(file, `Tensor ${quoteText(name)} needs ${needed} bytes (${what}), but the header gives ${end - begin}.`, {
      tensor: name,
    });
  }
  return { name, dtype, shape, offset: dataStart + begin, bytes: needed };
}

function tensorBytes(file: string, name: string, shape: readonly number[], bits: number): number {
  let elements = 1;
  for (const size of shape) {
    elements *= size;
    if (elements > Number.MAX_SAFE_INTEGER / bits) {
      throw bad(file, `The size of ${quoteText(name)} overflows: [${shape.join(', ')}].`, {
        tensor: name,
        field: 'shape',
      });
    }
  }
  if ((elements * bits) % 8 !== 0) {
    throw bad(file, `Tensor ${quoteText(name)} is not a whole number of bytes: ${elements} elements of ${bits} bits.`, {
      tensor: name,
    });
  }
  return (elements * bits) / 8;
}

function integer(file: string, tensor: string, field: string, value: JsonValue): number {
  if (!(value instanceof JsonNumber) || !/^(0|[1-9]\d*)$/.test(value.text)) {
    throw bad(
      file,
      `A number in ${field} of ${quoteText(tensor)} is ${showJson(value)}.`,
      { tensor, field },
      'plain integers from 0',
    );
  }
  const number = Number(value.text);
  if (!Number.isSafeInteger(number)) {
    throw bad(
      file,
      `The number ${value.text} in ${field} of ${quoteText(tensor)} is too large to be exact.`,
      { tensor, field },
      `at most ${Number.MAX_SAFE_INTEGER}`,
    );
  }
  return number;
}

/** Tensors must cover the data section exactly: no byte twice, none unclaimed (that is what stops polyglot files). */
function checkLayout(source: ByteSource, entries: readonly SafetensorsEntry[], dataStart: number): void {
  let cursor = dataStart;
  let previous = '';
  for (const { name, offset, bytes } of entries) {
    if (offset + bytes > source.size) {
      throw new WhittleError({
        code: 'truncated_file',
        message: `Tensor ${quoteText(name)} ends at byte ${offset + bytes}, but the file ends at ${source.size}.`,
        place: { file: source.name, tensor: name },
        allowed: `a file of at least ${offset + bytes} bytes`,
        action: 'The download may be incomplete: fetch the file again.',
      });
    }
    if (offset < cursor) {
      throw bad(source.name, `Tensors ${quoteText(previous)} and ${quoteText(name)} share bytes.`, { tensor: name });
    }
    if (offset > cursor) {
      throw bad(
        source.name,
        `Bytes ${cursor} to ${offset} belong to no tensor (unclaimed, before ${quoteText(name)}).`,
        {
          tensor: name,
        },
      );
    }
    cursor = offset + bytes;
    previous = name;
  }
  if (cursor < source.size) {
    throw bad(source.name, `${source.size - cursor} unclaimed bytes follow the last tensor (is it two files in one?).`);
  }
}

function bad(
  file: string,
  message: string,
  place: { tensor?: string; field?: string } = {},
  allowed = 'a header as the safetensors library writes it: each tensor once, with dtype, shape and data_offsets that cover the data without a gap',
): WhittleError {
  const data: Omit<ErrorData, 'code'> = { message, place: { file, ...place }, allowed };
  return new WhittleError({
    ...data,
    code: 'bad_safetensors',
    action: 'Download the file again, or save the model anew with the safetensors library.',
  });
}
