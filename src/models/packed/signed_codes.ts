/** @file The whole numbers that scales multiply: codes without their zero points, in the order of the inputs. */
import { groupSize, groupsOf } from './packing.ts';
import type { GroupedValues } from './values.ts';

/** code − zero, or the code itself where a minimum is added: (rows, columns). */
export function signedCodes({ packing, rows, columns, codes, zeros, order }: GroupedValues): Float32Array {
  const out = new Float32Array(rows * columns);
  const size = groupSize(packing, columns);
  const groups = groupsOf(packing, columns);
  const half = 2 ** (packing.bits - 1);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < columns; j++) {
      const code = codes[row * columns + j];
      const to = row * columns + (order ? order[j] : j);
      if (packing.zero === 'symmetric') out[to] = ((code + half) & (2 * half - 1)) - half;
      else if (packing.zero === 'minimum') out[to] = code;
      else out[to] = code - (zeros?.[row * groups + Math.floor(j / size)] ?? 0);
    }
  }
  return out;
}
