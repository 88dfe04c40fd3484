/** @file CPU twin of `add`: output = a + b, elementwise. */
import type { AddArgs } from '../backend.ts';
import { checkAdd } from '../shapes.ts';
import { floats } from './tensor.ts';

export function add(args: AddArgs): void {
  const { elements } = checkAdd(args);
  const a = floats(args.a);
  const b = floats(args.b);
  const output = floats(args.output);
  for (let i = 0; i < elements; i++) output[i] = a[i] + b[i];
}
