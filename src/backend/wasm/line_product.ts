/** @file Products of a few rows with a float matrix (out, in): one thread's share. */
import { dotColumns } from './dot_columns.ts';
import { QUAD } from './packed_layout.ts';
import type { TaskTools } from './task_tools.ts';
import type { ProductTask } from './tasks.ts';

/** Beyond so many rows a matrix is better packed into panels, once for all of them. */
const MOST_LINE_ROWS = 4;
/** Bytes of a matrix that stay in the second-level cache for the next row. */
const CACHED = 2 ** 18;

export function isLineProduct(tools: TaskTools, { m, k, a, b, b_transposed, a_transposed, by }: ProductTask): boolean {
  if (m > MOST_LINE_ROWS || k % 4 !== 0 || by !== 'columns' || !b_transposed || a_transposed) return false;
  return tools.holds(a) && tools.holds(b);
}

/** Columns `start … end` of the output. */
export function lineProduct(tools: TaskTools, task: ProductTask, start: number, end: number): void {
  const { m, k, a, a_stride, b, b_stride } = task;
  const step = 4 * b_stride;
  const most = m === 1 ? Number.POSITIVE_INFINITY : Math.ceil(CACHED / step / QUAD) * QUAD;
  dotColumns(tools, task, m, start, end, most, (y, y_end, row, column) => {
    const x = a.byteOffset + 4 * row * a_stride;
    const lines = b.byteOffset + column * step;
    const whole = Math.floor((y_end - y) / (4 * QUAD)) * QUAD;
    if (whole > 0) tools.line.dot_lines(y, y + 4 * whole, lines, step, x, 4 * k);
    // Four times the same line: behind the last one there may be no memory.
    for (let at = y + 4 * whole, i = whole; at < y_end; at += 4, i++) {
      tools.line.dot_lines(at, at + 4, lines + i * step, 0, x, 4 * k);
    }
  });
}
