/** @file CPU twin of `xielu`, also the wasm backend's: α₊·x² + β·x for x > 0, else (e^min(x, ε) − 1 − x)·α₋ + β·x. */
import type { XieluArgs } from '../backend.ts';
import { checkXielu } from '../shapes.ts';
import { floats } from './tensor.ts';

export function xielu(args: XieluArgs): void {
  const { elements } = checkXielu(args);
  const hidden_states = floats(args.hidden_states);
  const output = floats(args.output);
  const { alpha_p, alpha_n, beta, eps } = args;
  for (let i = 0; i < elements; i++) {
    const x = hidden_states[i];
    output[i] = x > 0 ? (alpha_p * x + beta) * x : (Math.expm1(Math.min(x, eps)) - x) * alpha_n + beta * x;
  }
}
