/** @file One part of tokenizer.json, read option by option: what is missing or of another kind is said with its place. */
import { WhittleError } from '../../errors/errors.ts';
import { JsonNumber, type JsonObject, type JsonValue, showJson } from '../json.ts';

/** What a person can do about a tokenizer that Whittle does not understand. */
const UNSUPPORTED =
  'Whittle refuses what it cannot tokenise exactly. Open another version of the model (a GGUF file brings its own tokenizer), or a model with another tokenizer.';

export class Part {
  readonly options: JsonObject;
  /** Place in the file: `pre_tokenizer.pretokenizers.1`. */
  readonly field: string;
  readonly file: string;

  constructor(options: JsonObject, field: string, file: string) {
    this.options = options;
    this.field = field;
    this.file = file;
  }

  /** The part under a key, undefined where it is absent or null. */
  static at(parent: JsonObject, key: string, file: string): Part | undefined {
    const value = parent.get(key);
    if (value === undefined || value === null) return undefined;
    if (value instanceof Map) return new Part(value, key, file);
    throw refusal(file, `${key} is ${showJson(value)}, not an object.`, key);
  }

  get type(): string {
    const type = this.options.get('type');
    return typeof type === 'string' ? type : type === undefined ? 'without a type' : showJson(type);
  }

  boolean(key: string, fallback?: boolean): boolean {
    const value = this.options.get(key) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.wrong(key, 'true or false');
  }

  string(key: string, fallback?: string): string {
    const value = this.options.get(key) ?? fallback;
    if (typeof value === 'string') return value;
    throw this.wrong(key, 'a text');
  }

  /** One character (a code point). */
  character(key: string): string {
    const value = this.string(key);
    if ([...value].length === 1) return value;
    throw this.wrong(key, 'one character');
  }

  count(key: string, fallback?: number): number {
    const value = this.options.get(key);
    const number = value instanceof JsonNumber ? Number(value.text) : fallback;
    if (number !== undefined && Number.isSafeInteger(number) && number >= 0) return number;
    throw this.wrong(key, 'a whole number');
  }

  /** Any number that JSON can write. */
  fraction(key: string): number {
    const value = this.options.get(key);
    if (value instanceof JsonNumber) return Number(value.text);
    throw this.wrong(key, 'a number');
  }

  oneOf<const T extends string>(key: string, allowed: readonly T[], fallback?: T): T {
    const value = this.options.get(key) ?? fallback;
    const found = allowed.find((each) => each === value);
    if (found !== undefined) return found;
    throw this.wrong(key, allowed.join(', '));
  }

  parts(key: string): Part[] {
    const list = this.options.get(key);
    if (!Array.isArray(list)) throw this.wrong(key, 'a list');
    return list.map((value, i) => {
      if (value instanceof Map) return new Part(value, `${this.field}.${key}.${i}`, this.file);
      throw this.wrong(key, 'a list of objects');
    });
  }

  /** A value that is not what the part needs. */
  wrong(key: string, allowed: string): WhittleError {
    const value: JsonValue | undefined = this.options.get(key);
    const found = value === undefined ? `has no ${key}` : `has as ${key} ${showJson(value)}`;
    return refusal(this.file, `${this.type} ${found}.`, `${this.field}.${key}`, allowed);
  }

  /** Something that would make other tokens than the Rust library: the part is refused, by name. */
  refuse(message: string, key?: string, allowed?: string): WhittleError {
    return refusal(this.file, message, key === undefined ? this.field : `${this.field}.${key}`, allowed, UNSUPPORTED);
  }

  /** No part of this kind has the type's name. */
  unknown(kind: string, known: readonly string[]): WhittleError {
    return this.refuse(`The ${kind} ${this.type} is not supported.`, 'type', known.join(', '));
  }
}

function refusal(file: string, message: string, field: string, allowed?: string, action?: string): WhittleError {
  return new WhittleError({
    code: 'bad_tokenizer',
    message,
    place: { file, field },
    allowed,
    action:
      action ??
      'Save the tokenizer again with the library `tokenizers` 0.23 (or transformers 5), which writes every option.',
  });
}
