/** @file CPU twin of `quantize_columns`, also the wasm backend's: every column on a grid of its own. */
import type { QuantizeColumnsArgs } from '../backend.ts';
import { checkQuantizeColumns } from '../shapes.ts';
import { roundEven } from './round_even.ts';
import { floats } from './tensor.ts';

export function quantize_columns(args: QuantizeColumnsArgs): void {
  const { rows, d } = checkQuantizeColumns(args);
  const [hidden_states, scale, zero] = [args.hidden_states, args.scale, args.zero].map(floats);
  const output = floats(args.output);
  const { levels } = args;
  for (let i = 0; i < rows * d; i++) {
    const c = i % d;
    const code = Math.max(0, Math.min(levels, roundEven(hidden_states[i] / scale[c]) + zero[c]));
    output[i] = scale[c] * (code - zero[c]);
  }
}
