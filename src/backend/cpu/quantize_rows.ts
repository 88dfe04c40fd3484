/** @file CPU twin of `quantize_rows`, also the wasm backend's: round(x / s) · s with s = max|row| / levels. */
import type { QuantizeRowsArgs } from '../backend.ts';
import { checkQuantizeRows } from '../shapes.ts';
import { roundEven } from './round_even.ts';
import { floats } from './tensor.ts';

export function quantize_rows(args: QuantizeRowsArgs): void {
  const { rows, d, seqlen } = checkQuantizeRows(args);
  const hidden_states = floats(args.hidden_states);
  const output = floats(args.output);
  const kept = args.kept && floats(args.kept);
  const { levels } = args;
  for (let row = 0; row < rows; row++) {
    const start = row * d;
    const window = Math.floor(row / seqlen) * d;
    let largest = 0;
    for (let c = 0; c < d; c++) {
      const magnitude = Math.abs(hidden_states[start + c]);
      if (magnitude > largest && !kept?.[window + c]) largest = magnitude;
    }
    const step = largest / levels || 1;
    for (let c = 0; c < d; c++) {
      const x = hidden_states[start + c];
      output[start + c] = kept?.[window + c] ? x : Math.max(-levels, Math.min(levels, roundEven(x / step))) * step;
    }
  }
}
