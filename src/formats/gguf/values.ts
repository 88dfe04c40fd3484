/**
 * @file Metadata values. Numbers and short text are decoded at once; an array keeps its bytes and is decoded when it is
 * asked for, because token tables hold 50,000 to 260,000 entries that most steps never look at.
 */
import { quoteText } from '../json.ts';
import { fieldIn, type HeaderCursor } from './cursor.ts';
import { badGguf } from './errors.ts';
import { type NumberType, type ScalarType, VALUE_BYTES, VALUE_TYPES, type ValueType } from './types.ts';

/** A 64-bit integer that a number cannot hold exactly stays a bigint. */
export type Scalar = number | bigint | boolean | string;

export interface ArrayValue {
  readonly of: ScalarType;
  readonly count: number;
  /** As stored: strings are a 64-bit length and their bytes. */
  readonly bytes: Uint8Array;
}

export type Value = { readonly type: ScalarType; readonly value: Scalar } | ({ readonly type: 'array' } & ArrayValue);

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

const repairing = new TextDecoder('utf-8');
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the type and the value that follow a key. Throws `bad_gguf`, `truncated_file`. */
export async function readValue(cursor: HeaderCursor, key: string): Promise<Value> {
  const what = `The value of ${quoteText(key)}`;
  await cursor.need(4, what);
  const type = valueType(cursor, key, cursor.uint32());
  if (type === 'array') return readArray(cursor, key);
  if (type === 'string') return { type, value: repairing.decode(await readBytes(cursor, what)) };
  await cursor.need(VALUE_BYTES[type], what);
  const bytes = cursor.take(VALUE_BYTES[type]);
  if (type === 'bool') {
    if (bytes[0] > 1) {
      throw badGguf(cursor.source.name, `${what} is the byte ${bytes[0]}.`, {
        field: key,
        allowed: '0 or 1 for a bool',
      });
    }
    return { type, value: bytes[0] === 1 };
  }
  return { type, value: decodeNumber(bytes, type) };
}

async function readArray(cursor: HeaderCursor, key: string): Promise<Value> {
  const what = `The array ${quoteText(key)}`;
  await cursor.need(12, what);
  const of = valueType(cursor, key, cursor.uint32());
  if (of === 'array') {
    throw badGguf(cursor.source.name, `${what} holds arrays: nesting is not supported.`, {
      field: key,
      allowed: 'arrays of numbers, bools or strings',
    });
  }
  const declared = cursor.uint64();
  // Checked in BigInt before any use: 2^60 entries must fail at once, not be counted.
  if (declared * BigInt(VALUE_BYTES[of]) > BigInt(cursor.remaining)) {
    throw badGguf(
      cursor.source.name,
      `${what} of ${declared} entries does not fit in the ${cursor.remaining} bytes that follow.`,
      { field: key, allowed: `${VALUE_BYTES[of]} bytes or more an entry` },
    );
  }
  const count = Number(declared);
  const start = cursor.position;
  if (of === 'string') {
    for (let i = 0; i < count; i++) await skipString(cursor, `Entry ${i} of ${quoteText(key)}`);
  } else {
    await cursor.need(count * VALUE_BYTES[of], what);
    cursor.take(count * VALUE_BYTES[of]);
  }
  return { type: 'array', of, count, bytes: cursor.slice(start, cursor.position) };
}

/** A string in a header: 64-bit length, bytes. `what` names it in errors. */
export async function readBytes(
  cursor: HeaderCursor,
  what: string,
  most = Number.MAX_SAFE_INTEGER,
): Promise<Uint8Array> {
  const length = await stringLength(cursor, what);
  if (length > most)
    throw badGguf(cursor.source.name, `${what} has ${length} bytes.`, { allowed: `at most ${most} bytes` });
  if (!cursor.has(length)) await cursor.need(length, what);
  return cursor.take(length);
}

async function skipString(cursor: HeaderCursor, what: string): Promise<void> {
  const length = await stringLength(cursor, what);
  if (!cursor.has(length)) await cursor.need(length, what);
  cursor.take(length);
}

async function stringLength(cursor: HeaderCursor, what: string): Promise<number> {
  if (!cursor.has(8)) await cursor.need(8, what);
  const length = cursor.length();
  if (length > cursor.remaining) {
    throw badGguf(cursor.source.name, `${what} has ${length} bytes, which passes the end of the file.`, {
      field: fieldIn(what),
      allowed: `at most the ${cursor.remaining} bytes that follow`,
    });
  }
  return length;
}

function valueType(cursor: HeaderCursor, key: string, number: number): ValueType {
  const type = VALUE_TYPES[number];
  if (type === undefined) {
    throw badGguf(cursor.source.name, `The value type ${number} of ${quoteText(key)} is unknown.`, {
      field: key,
      allowed: `0 to ${VALUE_TYPES.length - 1}`,
    });
  }
  return type;
}

/** Text that must be UTF-8; undefined where it is not. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** All strings of an array; an entry that is no UTF-8 is undefined. */
export function decodeStrings(array: ArrayValue): (string | undefined)[] {
  return decodeTogether(array) ?? decodeEach(array);
}

/**
 * By one call to the decoder, which is most of the time of a hundred thousand: the letters of all entries as one text, cut where
 * each begins. Undefined where that is no UTF-8, or an entry begins within a letter.
 */
function decodeTogether({ count, bytes }: ArrayValue): string[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const letters = new Uint8Array(bytes.byteLength - 8 * count);
  /** Where each entry ends, in UTF-16 units. */
  const ends = new Uint32Array(count);
  let units = 0;
  let to = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    // The array's bytes were counted when it was read: no entry is longer than they are.
    const end = at + 8 + view.getUint32(at, true);
    at += 8;
    if (at < end && isWithinLetter(bytes[at])) return undefined;
    for (; at < end; at++) {
      const byte = bytes[at];
      letters[to++] = byte;
      if (!isWithinLetter(byte)) units += byte < 0xf0 ? 1 : 2;
    }
    ends[i] = units;
  }
  const text = decodeText(letters);
  return text === undefined ? undefined : Array.from(ends, (end, i) => text.slice(i === 0 ? 0 : ends[i - 1], end));
}

function isWithinLetter(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function decodeEach({ count, bytes }: ArrayValue): (string | undefined)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings = new Array<string | undefined>(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = Number(view.getBigUint64(at, true));
    strings[i] = decodeText(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return strings;
}

/** All numbers of an array. */
export function decodeNumbers({ count, bytes, of }: ArrayValue & { of: NumberType }): (number | bigint)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => numberAt(view, i * VALUE_BYTES[of], of));
}

function decodeNumber(bytes: Uint8Array, type: NumberType): number | bigint {
  return numberAt(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, type);
}

function numberAt(view: DataView, at: number, type: NumberType): number | bigint {
  switch (type) {
    case 'uint8':
      return view.getUint8(at);
    case 'int8':
      return view.getInt8(at);
    case 'uint16':
      return view.getUint16(at, true);
    case 'int16':
      return view.getInt16(at, true);
    case 'uint32':
      return view.getUint32(at, true);
    case 'int32':
      return view.getInt32(at, true);
    case 'float32':
      return view.getFloat32(at, true);
    case 'float64':
      return view.getFloat64(at, true);
    case 'uint64':
      return exact(view.getBigUint64(at, true));
    case 'int64':
      return exact(view.getBigInt64(at, true));
  }
}

function exact(value: bigint): number | bigint {
  return value >= -SAFE && value <= SAFE ? Number(value) : value;
}
