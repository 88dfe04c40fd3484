/** @file One object of a JSON Lines file, with checked access to its fields. */
import { WhittleError } from '../../errors/errors.ts';

/** What a file may hold at such a place, and what to do about it. */
interface Wanted {
  allowed: string;
  action?: string;
}

export class Entry {
  constructor(
    readonly file: string,
    /** From 1. */
    readonly line: number,
    readonly value: Readonly<Record<string, unknown>>,
    /** Where this object lies in the line's. */
    private readonly path = '',
  ) {}

  has(...fields: readonly string[]): boolean {
    return fields.every((field) => Object.hasOwn(this.value, field));
  }

  /** @throws `bad_jsonl` where it is none. */
  text(field: string): string {
    const value = this.value[field];
    if (typeof value === 'string') return value;
    throw this.wrong(field, { allowed: 'a text' });
  }

  /** A text in which something stands. */
  filledText(field: string): string {
    const value = this.text(field);
    if (value.trim() !== '') return value;
    throw this.wrong(field, { allowed: 'a text that is not blank' });
  }

  /** Texts, at least `least`. */
  texts(field: string, least: number): string[] {
    const value = this.value[field];
    if (Array.isArray(value) && value.length >= least && value.every((item) => typeof item === 'string')) return value;
    throw this.wrong(field, { allowed: `a list of at least ${least} texts` });
  }

  object(field: string): Entry {
    const value = this.value[field];
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new Entry(this.file, this.line, value as Record<string, unknown>, `${this.path}${field}.`);
    }
    throw this.wrong(field, { allowed: 'an object' });
  }

  objects(field: string): Entry[] {
    const value = this.value[field];
    const isObject = (item: unknown) => typeof item === 'object' && item !== null && !Array.isArray(item);
    if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) {
      throw this.wrong(field, { allowed: 'a list of objects' });
    }
    return value.map((item, i) => new Entry(this.file, this.line, item, `${this.path}${field}[${i}].`));
  }

  /** A whole number `first … last`, as a number or as its digits. */
  index(field: string, first: number, last: number, action?: string): number {
    const value = this.value[field];
    const number = typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= first && number <= last) return number;
    throw this.wrong(field, { allowed: `a whole number from ${first} to ${last}`, ...(action && { action }) });
  }

  /** For a field that holds something else than is wanted. */
  wrong(field: string, { allowed, action }: Wanted): WhittleError {
    const { value } = this;
    const shown = JSON.stringify(value[field]) ?? '';
    const found = this.has(field) ? `is ${shown.length > 80 ? `${shown.slice(0, 79)}…` : shown}` : 'is missing';
    return new WhittleError({
      code: 'bad_jsonl',
      message: `${this.path}${field} ${found}.`,
      place: { file: this.file, line: this.line, field: `${this.path}${field}` },
      allowed,
      action: action ?? 'Mend the line, or leave it out.',
    });
  }
}
