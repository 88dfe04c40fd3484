/** @file CPU twin of `scale_columns`: output = weight · diag(scale). */
import type { ScaleColumnsArgs } from '../backend.ts';
import { checkScaleColumns } from '../shapes.ts';
import { floats } from './tensor.ts';

export function scale_columns(args: ScaleColumnsArgs): void {
  const { rows, d } = checkScaleColumns(args);
  const weight = floats(args.weight);
  const scale = floats(args.scale);
  const output = floats(args.output);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < d; j++) output[row * d + j] = weight[row * d + j] * scale[j];
  }
}
