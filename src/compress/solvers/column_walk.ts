/**
 * @file The loop that GPTQ (arXiv 2210.17323), SparseGPT (2301.00774) and OWQ (2306.02272) share: inputs are taken from left
 * to right, each is replaced by something storable, and what that is off by is spread over the inputs that are still to come,
 * by the rows of U (H⁻¹ = UᵀU). Rows of W are independent of one another, so each goes through a block of columns at a time.
 */
import { breather, throwIfCancelled } from '../../backend/event_loop.ts';
import type { LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, view } from '../../backend/linalg/gemm.ts';

/** Columns that are walked before their errors reach the rest in one product; part of the protocol of `lazy` grids. */
export const WALK_BLOCK = 128;

export interface ColumnWalk {
  /** Called before a block is walked; W holds what the columns from `start` on are by now. */
  block?(start: number, end: number): void;
  /** What column `column` of a row becomes; `row` (length columns) is up to date from `column` to the block's end. */
  choose(values: Float64Array, at: number, row: number, column: number, end: number): number;
  /** From this column on nothing is changed any more. */
  stop?: number;
}

export interface WalkOptions extends LinalgOptions {
  /** (columns, columns): P of GPTAQ (arXiv 2504.02692): `w += w_c · P[c, later]` beside the error's update. */
  readonly delta?: Float64Array;
}

/**
 * Walks W (rows, columns) in place; afterwards it holds the chosen values.
 * @param U (columns, columns), upper triangular.
 * @throws `cancelled`
 */
export async function walkColumns(
  W: Float64Array,
  rows: number,
  columns: number,
  U: Float64Array,
  walk: ColumnWalk,
  { signal, multiply = addProduct, delta }: WalkOptions = {},
): Promise<void> {
  throwIfCancelled(signal);
  const breathe = breather(signal);
  const stop = walk.stop ?? columns;
  for (let start = 0; start < stop; start += WALK_BLOCK) {
    const end = Math.min(columns, start + WALK_BLOCK);
    const width = end - start;
    walk.block?.(start, end);
    const errors = new Float64Array(rows * width);
    const originals = delta && new Float64Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const base = row * columns;
      for (let column = start; column < Math.min(end, stop); column++) {
        const value = W[base + column];
        const chosen = walk.choose(W, base, row, column, end);
        const error = (value - chosen) / U[column * columns + column];
        W[base + column] = chosen;
        const at = column * columns;
        if (error !== 0) for (let j = column + 1; j < end; j++) W[base + j] -= error * U[at + j];
        if (delta) for (let j = column + 1; j < end; j++) W[base + j] += value * delta[at + j];
        errors[row * width + column - start] = -error;
        if (originals) originals[row * width + column - start] = value;
      }
      if ((row & 63) === 63) await breathe();
    }
    const rest = columns - end;
    if (rest === 0) continue;
    const later = { values: W, offset: end, row_stride: columns };
    multiply(rows, rest, width, view(errors, width), view(U, columns, start * columns + end), later);
    if (originals && delta) {
      multiply(rows, rest, width, view(originals, width), view(delta, columns, start * columns + end), later);
    }
    await breathe();
  }
}
