/**
 * @file `strftime_now` of chat templates, as Python has it. The engine of templates names months in the language of the browser, and
 * the day is always today: a model would be asked otherwise than it was trained, and a text would be another one tomorrow.
 */
import type { Template } from '@huggingface/jinja';
import { nodesOf } from './python_strip.ts';

/** Under which a template calls {@link strftime} with the date that was given. */
export const NOW = 'strftime_now_of_whittle';
const THEIRS = 'strftime_now';

/** The day of texts that must be the same whenever they are made: the one that templates of Llama 3 take where there is no clock. */
export const FIXED_DAY = new Date(2024, 6, 26);

/** `strftime_now` becomes `NOW`, in place, wherever it is named: calls, and the question whether it is there. */
export function callNow(program: Template['parsed']): void {
  for (const node of nodesOf(program)) if (node.type === 'Identifier' && node.value === THEIRS) node.value = NOW;
}

/** As Python's in the C locale, in local time. Letters that it does not know stand as they are. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([A-Za-z%])/g, (whole, letter: string) => {
    const part = Object.hasOwn(PARTS, letter) ? PARTS[letter] : undefined;
    return part ? part(date) : whole;
  });
}

const PARTS: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => padded(date.getFullYear() % 100),
  m: (date) => padded(date.getMonth() + 1),
  B: (date) => named(date, { month: 'long' }),
  b: (date) => named(date, { month: 'short' }),
  d: (date) => padded(date.getDate()),
  A: (date) => named(date, { weekday: 'long' }),
  a: (date) => named(date, { weekday: 'short' }),
  H: (date) => padded(date.getHours()),
  I: (date) => padded(date.getHours() % 12 || 12),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  M: (date) => padded(date.getMinutes()),
  S: (date) => padded(date.getSeconds()),
  '%': () => '%',
};

function padded(value: number): string {
  return String(value).padStart(2, '0');
}

function named(date: Date, part: Intl.DateTimeFormatOptions): string {
  return date.toLocaleDateString('en-US', part);
}
