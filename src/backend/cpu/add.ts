/** @file CPU twin of `add`: output = a + b, elementwise. */
import type { AddArgs } from '../backend.ts';
import { checkAdd } from '../shapes.ts';
import { type Floats, floats } from './tensor.ts';

export interface AddElements {
  a: Floats;
  b: Floats;
  output: Floats;
}

export function add(args: AddArgs): void {
  const { elements, ...task } = addElements(args);
  addRange(task, 0, elements);
}

/** The kernel as work on elements. */
export function addElements(args: AddArgs): AddElements & { elements: number } {
  const { elements } = checkAdd(args);
  return { elements, a: floats(args.a), b: floats(args.b), output: floats(args.output) };
}

export function addRange({ a, b, output }: AddElements, start: number, end: number): void {
  for (let i = start; i < end; i++) output[i] = a[i] + b[i];
}
