/** @file SparseGPT (arXiv 2301.00774): masks chosen block by block on the way, and errors spread over later inputs as GPTQ does. */
import { keptOfRow } from '../../models/packed/parts.ts';
import type { MaskRule } from '../options/sparsity.ts';
import { WALK_BLOCK, type WalkOptions, walkColumns } from './column_walk.ts';
import { DAMPING, inverseHessian } from './hessian.ts';
import { dropLowest } from './masks.ts';

/**
 * @param W (rows, columns) row-major; left as it is.
 * @param gram (columns, columns): XᵀX of what the linear reads.
 * @param rule Without a pattern: the share of each block of 128 inputs, over all rows.
 * @returns The pruned and updated weights, dropped ones exactly 0, and 1 where one was dropped.
 * @throws `not_converged`, `cancelled`
 */
export async function sparseGpt(
  W: Float64Array,
  rows: number,
  columns: number,
  gram: Float64Array,
  { share, pattern }: MaskRule,
  work: WalkOptions = {},
  damping = DAMPING,
): Promise<{ values: Float64Array; dropped: Uint8Array }> {
  const pruned = W.slice();
  const { U, dead } = await inverseHessian(gram, columns, 'natural', damping, work);
  for (const column of dead) for (let row = 0; row < rows; row++) pruned[row * columns + column] = 0;
  const all = new Uint8Array(rows * columns);
  let dropped = new Uint8Array(0);
  let first = 0;
  let width = 0;
  const score = (row: number, column: number) => (pruned[row * columns + column] / U[column * columns + column]) ** 2;
  await walkColumns(
    pruned,
    rows,
    columns,
    U,
    {
      unit: pattern?.m ?? 1,
      block(start, end) {
        first = start;
        width = end - start;
        dropped = new Uint8Array(rows * width);
        if (pattern) return;
        const scores = Float64Array.from({ length: rows * width }, (_, i) =>
          score(Math.floor(i / width), start + (i % width)),
        );
        dropLowest(scores, dropped, 0, scores.length, Math.floor(scores.length * share));
      },
      choose(values, base, row, column, end) {
        const at = row * width + column - first;
        if (pattern && (column - first) % pattern.m === 0) {
          const count = Math.min(pattern.m, end - column);
          const scores = Float64Array.from({ length: count }, (_, i) => score(row, column + i));
          const marks = new Uint8Array(count);
          dropLowest(scores, marks, 0, count, Math.floor((pattern.n * count) / pattern.m));
          dropped.set(marks, at);
        }
        all[base + column] = dropped[at];
        return dropped[at] ? 0 : values[base + column];
      },
    },
    work,
  );
  return { values: pruned, dropped: all };
}

/** Weights that stay: the share is taken of each block of inputs. */
export function sparseGptKept(rows: number, columns: number, { share, pattern }: MaskRule): number {
  let kept = 0;
  for (let start = 0; start < columns; start += WALK_BLOCK) {
    const width = Math.min(WALK_BLOCK, columns - start);
    kept += pattern ? rows * keptOfRow(width, pattern.n, pattern.m) : rows * width - Math.floor(rows * width * share);
  }
  return kept;
}
