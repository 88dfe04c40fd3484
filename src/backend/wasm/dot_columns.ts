/** @file How loops that give one row of a product, four columns at a time, are brought to the output with its factors. */
import { type Epilogue, needsEpilogue } from './epilogue.ts';
import { QUAD } from './packed_layout.ts';
import type { TaskTools } from './task_tools.ts';

/** Writes columns from `column` on of a row to address y on, while it is below `y_end`; the last four as a whole. */
type Dot = (y: number, y_end: number, row: number, column: number) => void;

/**
 * Columns `start … end` of `m` rows of (m, n).
 * @param together So many columns at most for a row before the next: a multiple of four.
 */
export function dotColumns(
  tools: TaskTools,
  task: Epilogue & { n: number; output: Float32Array },
  m: number,
  start: number,
  end: number,
  together: number,
  dot: Dot,
): void {
  const { n, output } = task;
  const scratch = tools.panel;
  // Half of the scratch holds the results, the other what they meet.
  const room = Math.floor(scratch.length / 2) - 8;
  const most = Math.min(room, together);
  const isDirect = !needsEpilogue(task) && (end - start) % QUAD === 0;
  for (let first = start; first < end; first += most) {
    const columns = Math.min(most, end - first);
    for (let row = 0; row < m; row++) {
      const place = row * n + first;
      const y = isDirect ? output.byteOffset + 4 * place : scratch.byteOffset;
      dot(y, y + 4 * columns, row, first);
      if (isDirect) continue;
      const at = y / 4;
      const block = { row: 0, rows: 1, column: 0, columns, at, stride: columns, scratch: at + room };
      if (!tools.epilogue.apply(task, block, output, n, row, first)) {
        output.set(scratch.subarray(0, columns), place);
      }
    }
  }
}
