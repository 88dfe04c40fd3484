/** @file CPU twin of `activation`: output = act(hidden_states). */
import type { ActivationArgs } from '../backend.ts';
import { checkActivation } from '../shapes.ts';
import { ACTIVATIONS } from './activations.ts';
import { floats } from './tensor.ts';

export function activation(args: ActivationArgs): void {
  const { elements } = checkActivation(args);
  const act = ACTIVATIONS[args.activation];
  const hidden_states = floats(args.hidden_states);
  const output = floats(args.output);
  for (let i = 0; i < elements; i++) output[i] = act(hidden_states[i]);
}
