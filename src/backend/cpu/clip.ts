/** @file CPU twin of `clip`: hidden_states ← min(max(hidden_states, −limit), limit). NaN stays. */
import type { ClipArgs } from '../backend.ts';
import { checkClip } from '../shapes.ts';
import { floats } from './tensor.ts';

export function clip(args: ClipArgs): void {
  const { elements } = checkClip(args);
  const hidden_states = floats(args.hidden_states);
  const { limit } = args;
  for (let i = 0; i < elements; i++) hidden_states[i] = Math.min(Math.max(hidden_states[i], -limit), limit);
}
