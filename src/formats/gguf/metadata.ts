/** @file The metadata of a GGUF file with typed look-ups: a missing or odd value becomes an error that names its key. */
import { quoteText } from '../json.ts';
import { badGguf } from './errors.ts';
import type { NumberType } from './types.ts';
import { decodeNumbers, decodeStrings, type Value } from './values.ts';

export interface Range {
  min?: number;
  max?: number;
}

const LARGEST = 2 ** 31 - 1;

export class GgufMetadata {
  readonly file: string;
  private readonly values: ReadonlyMap<string, Value>;

  constructor(file: string, values: ReadonlyMap<string, Value>) {
    this.file = file;
    this.values = values;
  }

  keys(): string[] {
    return [...this.values.keys()];
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  get(key: string): Value | undefined {
    return this.values.get(key);
  }

  /** A whole number; undefined where the key is absent. Throws `bad_gguf`. */
  integer(key: string, { min = 0, max = LARGEST }: Range = {}): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const number = value.type === 'array' ? undefined : value.value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max) {
      throw this.odd(key, `a whole number, ${min} to ${max}`);
    }
    return number;
  }

  /** A whole number, or a list of one a layer whose entries are all the same. Throws `bad_gguf`. */
  uniformInteger(key: string, range: Range = {}): number | undefined {
    const value = this.values.get(key);
    if (value?.type !== 'array') return this.integer(key, range);
    const list = this.numbers(key) ?? [];
    const { min = 0, max = LARGEST } = range;
    const [first] = list;
    if (list.length === 0 || list.some((entry) => entry !== first)) {
      throw badGguf(this.file, `${key} differs from layer to layer, which is not supported.`, {
        field: key,
        allowed: 'the same number in every layer',
        action: 'Choose a model whose layers are alike.',
      });
    }
    if (!Number.isInteger(first) || first < min || first > max) throw this.odd(key, `whole numbers, ${min} to ${max}`);
    return first;
  }

  /** A finite number above `min`. Throws `bad_gguf`. */
  number(key: string, { min = 0 }: Range = {}): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const number = value.type === 'array' ? undefined : value.value;
    if (typeof number !== 'number' || !Number.isFinite(number) || number <= min) {
      throw this.odd(key, `a finite number above ${min}`);
    }
    return value.type === 'float32' ? shortest(number) : number;
  }

  bool(key: string): boolean | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    if (value.type !== 'bool') throw this.odd(key, 'a bool');
    return value.value as boolean;
  }

  text(key: string): string | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    if (value.type !== 'string') throw this.odd(key, 'a string');
    return value.value as string;
  }

  /** All numbers of an array; 64-bit ones rounded. Throws `bad_gguf`. */
  numbers(key: string, types?: readonly NumberType[]): number[] | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    if (value.type !== 'array' || value.of === 'string' || value.of === 'bool')
      throw this.odd(key, 'an array of numbers');
    if (types && !types.includes(value.of)) throw this.odd(key, `an array of ${types.join(' or ')}`);
    return decodeNumbers({ ...value, of: value.of }).map(Number);
  }

  /** All strings of an array. Throws `bad_gguf` for one that is no UTF-8. */
  strings(key: string): string[] | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    if (value.type !== 'array' || value.of !== 'string') throw this.odd(key, 'an array of strings');
    const strings = decodeStrings(value);
    const broken = strings.indexOf(undefined);
    if (broken >= 0) throw badGguf(this.file, `Entry ${broken} of ${key} is not UTF-8.`, { field: key });
    return strings as string[];
  }

  /** What is wrong with a value that is there. */
  odd(key: string, allowed: string): Error {
    return badGguf(this.file, `${key} is ${this.show(key)}.`, { field: key, allowed });
  }

  missing(key: string): Error {
    return badGguf(this.file, `The metadata has no ${key}.`, {
      field: key,
      allowed: 'the keys that llama.cpp writes for this architecture',
    });
  }

  /** A value as a message shows it. */
  show(key: string): string {
    const value = this.values.get(key);
    if (value === undefined) return 'missing';
    if (value.type === 'array') return `an array of ${value.count} ${value.of}`;
    return `${shown(value)} (${value.type})`;
  }
}

function shown({ type, value }: Exclude<Value, { type: 'array' }>): string {
  if (typeof value === 'string') return quoteText(value);
  return String(type === 'float32' && typeof value === 'number' ? shortest(value) : value);
}

/** The shortest decimal that is the same f32: 1e-5, not 0.000009999999747378752. */
function shortest(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
