/** @file CPU twin of `count_non_finite`: counts[index] += number of NaN and infinite elements. */
import type { CountNonFiniteArgs } from '../backend.ts';
import { checkCountNonFinite } from '../shapes.ts';
import { type Floats, floats, ids } from './tensor.ts';

export interface CountNonFiniteElements {
  values: Floats;
  counts: Uint32Array;
  index: number;
}

export function count_non_finite(args: CountNonFiniteArgs): void {
  const { elements, ...task } = countNonFiniteElements(args);
  countRange(task, 0, elements);
}

/** The kernel as work on elements. */
export function countNonFiniteElements(args: CountNonFiniteArgs): CountNonFiniteElements & { elements: number } {
  const { elements } = checkCountNonFinite(args);
  return { elements, values: floats(args.tensor), counts: ids(args.counts), index: args.index };
}

/** Several threads may count for one index. */
export function countRange({ values, counts, index }: CountNonFiniteElements, start: number, end: number): void {
  let found = 0;
  // x − x is 0 for finite numbers only, and so is a sum of such differences: one test a stretch.
  for (let from = start; from < end; from += STRETCH) {
    const to = Math.min(end, from + STRETCH);
    let sum = 0;
    for (let i = from; i < to; i++) sum += values[i] - values[i];
    if (sum === 0) continue;
    for (let i = from; i < to; i++) if (!Number.isFinite(values[i])) found++;
  }
  if (found > 0) Atomics.add(counts, index, found);
}

const STRETCH = 4096;
