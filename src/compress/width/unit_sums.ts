/** @file Numbers of a linear's weights summed by the unit that each weight goes with: rows, or columns of what writes to the stream. */
import type { DecoderLayer } from '../../models/decoder_model.ts';
import { type HalfName, inputLinears, outputLinear } from '../layerwise/half.ts';
import type { LinearName } from '../layerwise_types.ts';

/** Linears that have weights of a half's units. */
export function unitLinears(layer: DecoderLayer, half: HalfName): LinearName[] {
  return [...inputLinears(layer, half), outputLinear(half)];
}

/**
 * total[u] += Σ of(i) over the elements i of unit u.
 * @param shape Of the linear, (rows, columns); `of` gets row-major places.
 */
export function addToUnits(
  total: Float64Array,
  name: LinearName,
  [rows, columns]: readonly number[],
  of: (i: number) => number,
): void {
  const isColumns = name === 'o_proj' || name === 'down_proj';
  const width = (isColumns ? columns : rows) / total.length;
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    if (isColumns) {
      for (let column = 0; column < columns; column++) total[Math.floor(column / width)] += of(at + column);
      continue;
    }
    let sum = 0;
    for (let column = 0; column < columns; column++) sum += of(at + column);
    total[Math.floor(row / width)] += sum;
  }
}
