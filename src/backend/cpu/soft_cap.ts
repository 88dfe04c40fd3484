/** @file CPU twin of `soft_cap`: hidden_states ← cap · tanh(hidden_states / cap). */
import type { SoftCapArgs } from '../backend.ts';
import { checkSoftCap } from '../shapes.ts';
import { floats } from './tensor.ts';

export function soft_cap(args: SoftCapArgs): void {
  const { elements } = checkSoftCap(args);
  const hidden_states = floats(args.hidden_states);
  for (let i = 0; i < elements; i++) hidden_states[i] = args.cap * Math.tanh(hidden_states[i] / args.cap);
}
