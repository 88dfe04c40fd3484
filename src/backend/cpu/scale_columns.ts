/** @file CPU twin of `scale_columns`: output = weight · diag(scale). */
import type { ScaleColumnsArgs } from '../backend.ts';
import { checkScaleColumns } from '../shapes.ts';
import { type Floats, floats } from './tensor.ts';

export interface ScaleColumnsRows {
  weight: Floats;
  scale: Floats;
  output: Floats;
  d: number;
}

export function scale_columns(args: ScaleColumnsArgs): void {
  const { rows, ...task } = scaleColumnsRows(args);
  scaleRows(task, 0, rows);
}

/** The kernel as work on rows. */
export function scaleColumnsRows(args: ScaleColumnsArgs): ScaleColumnsRows & { rows: number } {
  const { rows, d } = checkScaleColumns(args);
  return { rows, d, weight: floats(args.weight), scale: floats(args.scale), output: floats(args.output) };
}

export function scaleRows({ weight, scale, output, d }: ScaleColumnsRows, first: number, end: number): void {
  for (let row = first; row < end; row++) {
    for (let j = 0; j < d; j++) output[row * d + j] = weight[row * d + j] * scale[j];
  }
}
