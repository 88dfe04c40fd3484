/** @file Rounding a strip of columns of some rows to a grid through the vector kernel: what is copied to it and back. */
import { STRIP_COLUMNS, STRIP_ROWS, walkStrip } from '../../backend/linalg/walk_kernel.ts';
import type { ColumnWalk, Strip } from './column_walk.ts';
import type { Grid } from './grid.ts';

/** Where codes of walked columns go, and which groups' grids they are rounded to. */
export interface GridColumns {
  readonly grid: Grid;
  /** (rows, columns), and where each walked column stands in them. */
  readonly codes: Uint8Array;
  readonly columns: number;
  readonly codePlaces: Uint32Array;
  /** (rows, groups), and which group each walked column is in. */
  readonly scales: Float32Array;
  readonly offsets: Float32Array;
  readonly groups: number;
  readonly groupPlaces: Uint32Array;
}

/** Rows `first … end` of the columns `from … last` of a strip: at most {@link STRIP_ROWS} of {@link STRIP_COLUMNS}. */
export function walkGridRows(
  W: Float64Array,
  first: number,
  end: number,
  columns: number,
  U: Float64Array,
  { begin, unit = 1 }: ColumnWalk,
  grid: GridColumns,
  { from, last, start, width }: Strip,
  errors: Float64Array,
): void {
  const strip = walkStrip(grid.grid.kind, 2 ** grid.grid.bits - 1);
  const count = last - from;
  if (begin && from % unit === 0) for (let row = first; row < end; row++) begin(row, from);
  const { groups, groupPlaces, codePlaces, codes } = grid;
  for (let k = 0; k < count; k++) {
    const at = (from + k) * columns + from;
    for (let c = k; c < count; c++) strip.factor[k * STRIP_COLUMNS + c] = U[at + c];
  }
  let common = true;
  for (let c = 1; c < count; c++) if (groupPlaces[from + c] !== groupPlaces[from]) common = false;
  for (let row = first; row < end; row++) {
    const at = row * columns + from;
    for (let c = 0, to = row - first; c < count; c++, to += STRIP_ROWS) strip.values[to] = W[at + c];
    for (let c = 0, to = row - first; c < (common ? 1 : count); c++, to += STRIP_ROWS) {
      const group = row * groups + groupPlaces[from + c];
      strip.scales[to] = grid.scales[group];
      strip.offsets[to] = grid.offsets[group];
    }
  }
  strip.walk(end - first, count, common);
  for (let row = first; row < end; row++) {
    const at = row * columns + from;
    const kept = row * width + from - start;
    const coded = row * grid.columns;
    for (let c = 0, of = row - first; c < count; c++, of += STRIP_ROWS) {
      W[at + c] = strip.values[of];
      errors[kept + c] = strip.errors[of];
      codes[coded + codePlaces[from + c]] = strip.codes[of];
    }
  }
}
