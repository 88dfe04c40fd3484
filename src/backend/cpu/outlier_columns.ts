/** @file CPU twin of `outlier_columns`, also the wasm backend's: 1 where a window's column reaches the threshold. */
import type { OutlierColumnsArgs } from '../backend.ts';
import { checkOutlierColumns } from '../shapes.ts';
import { floats } from './tensor.ts';

export function outlier_columns(args: OutlierColumnsArgs): void {
  const { windows, d } = checkOutlierColumns(args);
  const { seqlen, threshold } = args;
  const hidden_states = floats(args.hidden_states);
  const output = floats(args.output).fill(0);
  for (let row = 0; row < windows * seqlen; row++) {
    const window = Math.floor(row / seqlen) * d;
    for (let c = 0; c < d; c++) if (Math.abs(hidden_states[row * d + c]) >= threshold) output[window + c] = 1;
  }
}
