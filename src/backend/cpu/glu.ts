/** @file CPU twin of `glu`: output = act(gate) ⊙ up. */
import type { GluArgs } from '../backend.ts';
import { checkGlu } from '../shapes.ts';
import { ACTIVATIONS } from './activations.ts';
import { floats } from './tensor.ts';

export function glu(args: GluArgs): void {
  const { elements } = checkGlu(args);
  const act = ACTIVATIONS[args.activation];
  const gate = floats(args.gate);
  const up = floats(args.up);
  const output = floats(args.output);
  for (let i = 0; i < elements; i++) output[i] = act(gate[i]) * up[i];
}
