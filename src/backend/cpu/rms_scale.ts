/** @file CPU twin of `rms_scale`: 1/√(Σx²/normalized_size + eps) of each row. */
import type { RmsScaleArgs } from '../backend.ts';
import { checkRmsScale } from '../shapes.ts';
import { type Floats, floats } from './tensor.ts';

export interface RmsScaleRows {
  hidden_states: Floats;
  output: Floats;
  d: number;
  normalized_size: number;
  eps: number;
}

export function rms_scale(args: RmsScaleArgs): void {
  const { rows, ...task } = rmsScaleRows(args);
  rowScales(task, 0, rows);
}

/** The kernel as work on rows. */
export function rmsScaleRows(args: RmsScaleArgs): RmsScaleRows & { rows: number } {
  const { rows, d } = checkRmsScale(args);
  const { normalized_size, eps } = args;
  return { rows, d, normalized_size, eps, hidden_states: floats(args.hidden_states), output: floats(args.output) };
}

export function rowScales(task: RmsScaleRows, first: number, end: number): void {
  const { hidden_states, output, d, normalized_size, eps } = task;
  for (let row = first; row < end; row++) {
    let squares = 0;
    for (let i = row * d; i < (row + 1) * d; i++) squares += hidden_states[i] * hidden_states[i];
    output[row] = 1 / Math.sqrt(squares / normalized_size + eps);
  }
}
