/** @file Numbers → the codes of a grid that is there already: scales, zero points and order stay, each number takes the nearest code. */
import { gridCodes } from '../../models/packed/grid_codes.ts';
import { groupSize, groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { pulse } from '../../pulse/pulse.ts';

/** @param W (rows, columns), in the order of the inputs. */
export function onGrid(grid: GroupedValues, W: ArrayLike<number>): GroupedValues {
  const { packing, rows, columns, scales, zeros, order } = grid;
  const size = groupSize(packing, columns);
  const groups = groupsOf(packing, columns);
  const { lowest, highest } = gridCodes(grid);
  const codes = Uint8Array.from(grid.codes);
  for (let row = 0; row < rows; row++) {
    pulse();
    for (let j = 0; j < columns; j++) {
      const group = row * groups + Math.floor(j / size);
      const scale = scales[group];
      if (scale === 0) continue;
      const value = W[row * columns + (order ? order[j] : j)];
      const zero = zeros?.[group] ?? 0;
      const exact = packing.zero === 'minimum' ? (value - zero) / scale : value / scale + zero;
      // A byte of two's complement holds a signed code.
      codes[row * columns + j] = Math.max(lowest, Math.min(highest, Math.round(exact)));
    }
  }
  return { ...grid, codes };
}
