/** @file CPU twin of `scale`: hidden_states ← factor · hidden_states. */
import type { ScaleArgs } from '../backend.ts';
import { checkScale } from '../shapes.ts';
import { floats } from './tensor.ts';

export function scale(args: ScaleArgs): void {
  const { elements } = checkScale(args);
  const hidden_states = floats(args.hidden_states);
  for (let i = 0; i < elements; i++) hidden_states[i] *= args.factor;
}
