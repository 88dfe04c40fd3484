/** @file Products with two of every four inputs stored: one thread's share, for few rows from what is stored, for more by panels. */
import { view } from '../linalg/gemm.ts';
import type { PanelSource } from '../linalg/panel_product.ts';
import { dotColumns } from './dot_columns.ts';
import type { Epilogue } from './epilogue.ts';
import { QUAD } from './packed_layout.ts';
import { PANEL_STEP_BYTES } from './packed_panel.ts';
import { MOST_DOT_ROWS, panelPlace, panelProduct } from './packed_product.ts';
import { fourBytes, PLACE_BYTES, type SparseLayout } from './sparse_layout.ts';
import type { TaskTools } from './task_tools.ts';

export interface SparseProductTask extends Epilogue {
  m: number;
  n: number;
  k: number;
  /** (m, k). */
  a: Float32Array;
  packed: Uint8Array;
  places_at: number;
  floats: SparseLayout['floats'];
  /** Of swizzles. */
  table: Uint32Array;
  /** (m, n). */
  output: Float32Array;
}

/** Columns `start … end` of the output; `start` begins a quad. */
export function sparseProduct(tools: TaskTools, task: SparseProductTask, start: number, end: number): void {
  const { m, k, a, table, floats } = task;
  const kernel = tools.sparse(floats);
  if (m <= MOST_DOT_ROWS) {
    dotColumns(tools, task, m, start, end, Number.POSITIVE_INFINITY, (y, y_end, row, column) => {
      const x = a.byteOffset + 4 * row * k;
      kernel.dot_sparse(y, y_end, ...placeOf(task, column / QUAD, 0), x, x + 4 * k, table.byteOffset);
    });
    return;
  }
  const source: PanelSource = {
    unit: 4,
    pack(target, column, columns, step, steps, tiles) {
      const unpack = tiles === 'wide' ? kernel.unpack_sparse_wide : kernel.unpack_sparse;
      const quad = (start + column) / QUAD;
      for (let q = 0; q < columns / QUAD; q++) {
        const out = panelPlace(target, q, steps, tiles);
        unpack(out, out + PANEL_STEP_BYTES[tiles] * steps, ...placeOf(task, quad + q, step / 4));
      }
    },
  };
  panelProduct(tools, task, view(a, k), source, start, end);
}

/** Where values and places of a quad begin, from four inputs on. */
function placeOf({ packed, places_at, floats, k }: SparseProductTask, quad: number, four: number) {
  const at = (quad * k) / 4 + four;
  return [packed.byteOffset + at * fourBytes(floats), packed.byteOffset + places_at + at * PLACE_BYTES] as const;
}
