/** @file Round to nearest on grids that are symmetric around 0, a float16 scale a group: scale = max|w| / (2^(bits−1) − 1). */
import { type Grouped, groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { pulse } from '../../pulse/pulse.ts';
import { toHalf } from './grid.ts';

/** @param W (rows, columns). Codes are found with the rounded scale, halves to even. */
export function symmetricGroups(W: Float64Array, rows: number, columns: number, packing: Grouped): GroupedValues {
  const size = groupSize(packing, columns);
  const groups = groupsOf(packing, columns);
  const levels = 2 ** (packing.bits - 1) - 1;
  const codes = new Int8Array(rows * columns);
  const scales = new Float64Array(rows * groups);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let group = 0; group < groups; group++) {
      const start = row * columns + group * size;
      const end = row * columns + Math.min(columns, (group + 1) * size);
      let largest = 0;
      for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(W[i]));
      const scale = toHalf(largest / levels) || 1;
      scales[row * groups + group] = scale;
      for (let i = start; i < end; i++) codes[i] = Math.max(-levels, Math.min(levels, roundEven(W[i] / scale)));
    }
  }
  return { packing, rows, columns, codes: new Uint8Array(codes.buffer), scales };
}

function roundEven(x: number): number {
  return x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;
}
