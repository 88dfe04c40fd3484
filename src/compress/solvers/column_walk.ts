/**
 * @file The loop that GPTQ (arXiv 2210.17323), SparseGPT (2301.00774) and OWQ (2306.02272) share: inputs are taken from left
 * to right, each is replaced by something storable, and what that is off by is spread over the inputs that are still to come,
 * by the rows of U (H⁻¹ = UᵀU). Rows of W are independent of one another, so each goes through a block of columns at a time.
 */
import { breather, throwIfCancelled } from '../../backend/event_loop.ts';
import type { LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, view } from '../../backend/linalg/gemm.ts';
import { STRIP_COLUMNS, STRIP_ROWS } from '../../backend/linalg/walk_kernel.ts';
import { type GridColumns, walkGridRows } from './grid_strip.ts';

/** Columns that are walked before their errors reach the rest in one product; part of the protocol of `lazy` grids. */
export const WALK_BLOCK = 128;

/** Of a block, columns that are walked one by one; their errors reach the block's others in a product, too. */
const WALK_STRIP = STRIP_COLUMNS;

export interface ColumnWalk {
  /** Called before a block is walked; W holds what the columns from `start` on are by now. */
  block?(start: number, end: number): void;
  /**
   * What column `column` of a row becomes; `values[at + column]` and the rest of its group of `unit` columns are up to date as
   * far as `end`, the block's.
   */
  choose(values: Float64Array, at: number, row: number, column: number, end: number): number;
  /** Called before `choose` for the first of each `unit` columns of a row, whose values are then up to date. */
  begin?(row: number, column: number): void;
  /** Columns of a row that `begin`, or `choose` when it gets the first of them, looks at together. */
  unit?: number;
  /** What `choose` does, where that is rounding to a grid: vector instructions then do it for many rows at a time. */
  grid?: GridColumns;
  /** From this column on nothing is changed any more. */
  stop?: number;
}

export interface WalkOptions extends LinalgOptions {
  /** (columns, columns): P of GPTAQ (arXiv 2504.02692): `w += w_c · P[c, later]` beside the error's update. */
  readonly delta?: Float64Array;
}

/** Strips must begin where groups do, or hold whole groups: what a group is chosen by is then up to date. */
function stripOf({ unit = 1 }: ColumnWalk): number {
  return unit % WALK_STRIP === 0 || WALK_STRIP % unit === 0 ? WALK_STRIP : WALK_BLOCK;
}

/** Groups' grids are found between two strips of the vector kernel. */
function gridOf({ unit = 1, grid }: ColumnWalk): GridColumns | undefined {
  return unit === 1 || unit % WALK_STRIP === 0 ? grid : undefined;
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
  const most = stripOf(walk);
  const grid = delta ? undefined : gridOf(walk);
  // Of every block: each would otherwise be an array of its own for the collector.
  const errors = new Float64Array(rows * WALK_BLOCK);
  const originals = delta && new Float64Array(rows * WALK_BLOCK);
  for (let start = 0; start < stop; start += WALK_BLOCK) {
    const end = Math.min(columns, start + WALK_BLOCK);
    const width = end - start;
    walk.block?.(start, end);
    if (width < WALK_BLOCK || end > stop) {
      errors.fill(0);
      originals?.fill(0);
    }
    /** Adds what columns `from … from + count` are off by to the columns `first … last`. */
    const spread = (from: number, count: number, first: number, last: number) => {
      if (last <= first) return;
      const later = { values: W, offset: first, row_stride: columns };
      const of = (values: Float64Array) => view(values, width, from - start);
      const by = (values: Float64Array) => view(values, columns, from * columns + first);
      multiply(rows, last - first, count, of(errors), by(U), later);
      if (originals && delta) multiply(rows, last - first, count, of(originals), by(delta), later);
    };
    for (let from = start; from < Math.min(end, stop); from += most) {
      const to = Math.min(end, from + most);
      const strip = { from, last: Math.min(to, stop), to, start, end, width };
      for (let row = 0; row < rows; row += ROWS_A_TURN) {
        const until = Math.min(rows, row + ROWS_A_TURN);
        if (grid) walkGridRows(W, row, until, columns, U, walk, grid, strip, errors);
        else walkRows(W, row, until, columns, U, walk, strip, errors, originals, delta);
        await breathe();
      }
      // The grid's kernel leaves columns from `stop` on to the product.
      const next = grid ? strip.last : to;
      spread(from, next - from, next, end);
    }
    spread(start, width, end, columns);
    await breathe();
  }
}

/** Columns `from … last` of a strip that goes to `to`, in a block `start … end` of `width` columns. */
export interface Strip {
  readonly from: number;
  readonly last: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
  readonly width: number;
}

/** Rows between two looks at the event loop. */
const ROWS_A_TURN = STRIP_ROWS;

/** The walk itself, in a function that never waits: compilers do little for one that does. */
function walkRows(
  W: Float64Array,
  first: number,
  end: number,
  columns: number,
  U: Float64Array,
  walk: ColumnWalk,
  strip: Strip,
  errors: Float64Array,
  originals: Float64Array | undefined,
  delta: Float64Array | undefined,
): void {
  const { from, last, to, start, width } = strip;
  const { unit = 1 } = walk;
  for (let row = first; row < end; row++) {
    const base = row * columns;
    const kept = row * width - start;
    for (let column = from; column < last; column++) {
      if (walk.begin && column % unit === 0) walk.begin(row, column);
      const value = W[base + column];
      const chosen = walk.choose(W, base, row, column, strip.end);
      const at = column * columns;
      const error = (value - chosen) / U[at + column];
      W[base + column] = chosen;
      if (error !== 0) for (let j = column + 1; j < to; j++) W[base + j] -= error * U[at + j];
      if (delta) for (let j = column + 1; j < to; j++) W[base + j] += value * delta[at + j];
      errors[kept + column] = -error;
      if (originals) originals[kept + column] = value;
    }
  }
}
