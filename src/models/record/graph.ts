/**
 * @file Plain objects as JSON and back, where JSON alone would lose something: that two fields are one object (a norm that
 * serves two halves, a table that serves both ends), typed arrays, numbers that are not finite, and objects of the caller's own.
 */

type TypedArray = Float64Array | Float32Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

const ARRAYS = { Float64Array, Float32Array, Uint32Array, Int32Array, Uint16Array, Uint8Array } as const;
type ArrayName = keyof typeof ARRAYS;

/** Marks what is no plain value; no object of Whittle's has a field of this name. */
const MARK = '$';

/** @param special Index of an object of the caller's own, in whatever it keeps beside; undefined for plain ones. */
export function encodeGraph(
  value: unknown,
  special: (object: object) => number | undefined = () => undefined,
): unknown {
  const seen = new Map<object, number>();
  const encode = (each: unknown): unknown => {
    if (typeof each === 'number' && (!Number.isFinite(each) || Object.is(each, -0)))
      return { [MARK]: 'number', of: Object.is(each, -0) ? '-0' : String(each) };
    if (typeof each !== 'object' || each === null) return each;
    const index = special(each);
    if (index !== undefined) return { [MARK]: 'special', index };
    const known = seen.get(each);
    if (known !== undefined) return { [MARK]: 'same', id: known };
    const id = seen.size;
    seen.set(each, id);
    if (ArrayBuffer.isView(each)) return { [MARK]: each.constructor.name, of: toBase64(each as TypedArray) };
    if (Array.isArray(each))
      return { [MARK]: 'list', of: each.map((item) => (item === undefined ? null : encode(item))) };
    return Object.fromEntries(
      Object.entries(each).flatMap(([key, field]) => (field === undefined ? [] : [[key, encode(field)]])),
    );
  };
  return encode(value);
}

/** Throws `TypeError` for what {@link encodeGraph} did not write. */
export function decodeGraph(value: unknown, special: (index: number) => unknown = () => undefined): unknown {
  const seen: unknown[] = [];
  const decode = (each: unknown): unknown => {
    if (typeof each !== 'object' || each === null) return each;
    const fields = each as Record<string, unknown>;
    const mark = fields[MARK];
    if (mark === undefined) {
      const made: Record<string, unknown> = {};
      seen.push(made);
      for (const [key, field] of Object.entries(fields)) made[key] = decode(field);
      return made;
    }
    if (mark === 'number') return Number(fields.of);
    if (mark === 'special') return special(fields.index as number);
    if (mark === 'same') return seen[fields.id as number];
    if (mark === 'list') {
      const made: unknown[] = [];
      seen.push(made);
      for (const item of fields.of as unknown[]) made.push(decode(item));
      return made;
    }
    if (typeof mark !== 'string' || !(mark in ARRAYS))
      throw new TypeError(`No kind of value is written as ${String(mark)}.`);
    const array = fromBase64(fields.of as string, mark as ArrayName);
    seen.push(array);
    return array;
  };
  return decode(value);
}

/** `String.fromCharCode` takes so many arguments everywhere. */
const CHUNK = 0x8000;

function toBase64({ buffer, byteOffset, byteLength }: TypedArray): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = '';
  for (let at = 0; at < byteLength; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

function fromBase64(text: string, name: ArrayName): TypedArray {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new ARRAYS[name](bytes.buffer);
}
