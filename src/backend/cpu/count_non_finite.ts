/** @file CPU twin of `count_non_finite`: counts[index] += number of NaN and infinite elements. */
import type { CountNonFiniteArgs } from '../backend.ts';
import { checkCountNonFinite } from '../shapes.ts';
import { floats, ids } from './tensor.ts';

export function count_non_finite(args: CountNonFiniteArgs): void {
  const { elements } = checkCountNonFinite(args);
  const values = floats(args.tensor);
  let found = 0;
  for (let i = 0; i < elements; i++) if (!Number.isFinite(values[i])) found++;
  ids(args.counts)[args.index] += found;
}
