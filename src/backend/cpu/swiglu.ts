/** @file CPU twin of `swiglu`: output = silu(gate) ⊙ up, silu(x) = x/(1 + exp(−x)). */
import type { SwigluArgs } from '../backend.ts';
import { checkSwiglu } from '../shapes.ts';
import { floats } from './tensor.ts';

export function swiglu(args: SwigluArgs): void {
  const { elements } = checkSwiglu(args);
  const gate = floats(args.gate);
  const up = floats(args.up);
  const output = floats(args.output);
  for (let i = 0; i < elements; i++) output[i] = (gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
}
