/**
 * @file A strict JSON reader for files of unknown origin. `JSON.parse` keeps the last of two equal keys, rounds large
 * integers and reads `2.0` as `2`; a header that decides where bytes lie must not be bent like that. Objects become
 * Maps (so a key `__proto__` is a key), numbers keep their text.
 */

export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type JsonObject = Map<string, JsonValue>;
export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

/** What is wrong with a JSON text, and where. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';
  /** Byte offset in the UTF-8 text. */
  readonly byte: number;
  /** Keys from the root to the object that repeats `duplicate_key`. */
  readonly path: readonly string[];
  readonly duplicate_key?: string;

  constructor(message: string, byte: number, path: readonly string[] = [], duplicateKey?: string) {
    super(message);
    this.byte = byte;
    this.path = path;
    this.duplicate_key = duplicateKey;
  }
}

/** Deep enough for every real file, shallow enough that recursion never exhausts the stack. */
const MAX_DEPTH = 64;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Decodes UTF-8 without repairing it and without dropping a byte-order mark. Throws {@link JsonFault}. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonFault('not UTF-8', firstInvalidByte(bytes));
  }
}

/** Parses one JSON value with nothing but white space around it (RFC 8259). Throws {@link JsonFault}. */
export function parseJson(bytes: Uint8Array): JsonValue {
  return new Reader(decodeUtf8(bytes)).document();
}

/** What {@link parseJson} gives of plain data's `JSON.stringify`, without writing and reading it. Throws {@link JsonFault}. */
export function fromPlain(value: unknown): JsonValue {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? new JsonNumber(`${value}`) : null;
  if (typeof value === 'string') {
    if (!isWellFormed(value)) throw new JsonFault('half a character', 0);
    return value;
  }
  if (Array.isArray(value)) return value.map((item) => fromPlain(item ?? null));
  const object: JsonObject = new Map();
  for (const key of Object.keys(value as object)) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined) object.set(key, fromPlain(item));
  }
  return object;
}

/** By the browser's own function where it has it, of 2023: a tokenizer has a hundred thousand texts. */
const isWellFormed: (text: string) => boolean =
  'isWellFormed' in String.prototype
    ? (text) => (text as string & { isWellFormed(): boolean }).isWellFormed()
    : (text) => !LONE_SURROGATE.test(text);

/** Turns a parsed value into plain JavaScript data, as `JSON.parse` would give. */
export function toPlain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(toPlain);
  // fromEntries defines properties, so a key "__proto__" stays data
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, toPlain(item)]));
  return value;
}

class Reader {
  private position = 0;
  private readonly path: string[] = [];
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  document(): JsonValue {
    this.skipSpace();
    const value = this.value(0);
    this.skipSpace();
    if (this.position < this.text.length) throw this.fault('text after the end of the JSON value');
    return value;
  }

  private value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw this.fault(`nested deeper than ${MAX_DEPTH} levels`);
    switch (this.text[this.position]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private object(depth: number): JsonObject {
    const object: JsonObject = new Map();
    this.position++;
    this.skipSpace();
    if (this.take('}')) return object;
    for (;;) {
      if (this.text[this.position] !== '"') throw this.fault('a key in quotes was expected');
      const start = this.position;
      const key = this.string();
      if (object.has(key)) throw new JsonFault('a key is given twice', this.byteAt(start), [...this.path], key);
      this.skipSpace();
      if (!this.take(':')) throw this.fault('":" was expected');
      this.skipSpace();
      this.path.push(key);
      object.set(key, this.value(depth + 1));
      this.path.pop();
      this.skipSpace();
      if (this.take('}')) return object;
      if (!this.take(',')) throw this.fault('"," or "}" was expected');
      this.skipSpace();
    }
  }

  private array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.position++;
    this.skipSpace();
    if (this.take(']')) return array;
    for (;;) {
      array.push(this.value(depth + 1));
      this.skipSpace();
      if (this.take(']')) return array;
      if (!this.take(',')) throw this.fault('"," or "]" was expected');
      this.skipSpace();
    }
  }

  private string(): string {
    const start = this.position++;
    let escaped = false;
    for (; this.position < this.text.length; this.position++) {
      const code = this.text.charCodeAt(this.position);
      if (code === 0x22) {
        const end = this.position++;
        if (!escaped) return this.text.slice(start + 1, end);
        return this.unescape(start, end + 1);
      }
      if (code === 0x5c) {
        escaped = true;
        this.position++;
      } else if (code < 0x20) throw this.fault('a control character inside a string');
    }
    this.position = this.text.length;
    throw this.fault('a string does not end');
  }

  private unescape(start: number, end: number): string {
    let value: unknown;
    try {
      value = JSON.parse(this.text.slice(start, end));
    } catch {
      value = undefined;
    }
    if (typeof value !== 'string' || LONE_SURROGATE.test(value)) {
      throw new JsonFault('a bad escape inside a string', this.byteAt(start));
    }
    return value;
  }

  private number(): JsonNumber {
    NUMBER.lastIndex = this.position;
    const match = NUMBER.exec(this.text);
    if (!match) throw this.fault(this.position < this.text.length ? 'a value was expected' : 'the text ends early');
    this.position = NUMBER.lastIndex;
    return new JsonNumber(match[0]);
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.position)) throw this.fault('a value was expected');
    this.position += word.length;
    return value;
  }

  private take(character: string): boolean {
    if (this.text[this.position] !== character) return false;
    this.position++;
    return true;
  }

  private skipSpace(): void {
    for (; this.position < this.text.length; this.position++) {
      const code = this.text.charCodeAt(this.position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  private fault(message: string): JsonFault {
    return new JsonFault(message, this.byteAt(this.position), [...this.path]);
  }

  private byteAt(position: number): number {
    return new TextEncoder().encode(this.text.slice(0, position)).length;
  }
}

/** Offset of the first byte that no UTF-8 decoder accepts (Unicode 16, table 3-7). */
function firstInvalidByte(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i];
    const length =
      lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead < 0xe0 ? 0 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length === 0) return i;
    for (let k = 1; k < length; k++) {
      const low = k === 1 && lead === 0xe0 ? 0xa0 : k === 1 && lead === 0xf0 ? 0x90 : 0x80;
      const high = k === 1 && lead === 0xed ? 0x9f : k === 1 && lead === 0xf4 ? 0x8f : 0xbf;
      if (!(bytes[i + k] >= low && bytes[i + k] <= high)) return i;
    }
    i += length;
  }
  return bytes.length;
}

/** A value as a message shows it: text quoted and shortened, structures only named. */
export function showJson(value: JsonValue | undefined): string {
  if (value instanceof JsonNumber) return value.text;
  if (typeof value === 'string') return `the text ${quoteText(value)}`;
  if (value instanceof Map) return 'an object';
  if (Array.isArray(value)) return 'a list';
  return value === undefined ? 'missing' : String(value);
}

/** Names come from files of unknown origin: escaped and shortened, so that a message stays readable. */
export function quoteText(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
