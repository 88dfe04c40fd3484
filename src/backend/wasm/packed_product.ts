/** @file Products with grouped integers: one thread's share, for a row or two by the codes, for more by panels of floats. */
import { view } from '../linalg/gemm.ts';
import type { PanelSource, ProductMode, StridedView } from '../linalg/panel_product.ts';
import type { TileWidth } from '../linalg/tile_kernel.ts';
import { byteProduct } from './byte_product.ts';
import { dotColumns } from './dot_columns.ts';
import { type Epilogue, needsEpilogue } from './epilogue.ts';
import { BLOCK, blockBytes, QUAD } from './packed_layout.ts';
import { PANEL_STEP_BYTES } from './packed_panel.ts';
import { type PackedProductTask, placeOf } from './packed_task.ts';
import type { TaskTools } from './task_tools.ts';

/** Inputs are made integers for so many rows; beyond, decoding a row of codes once serves all of them. */
export const MOST_DOT_ROWS = 4;
/** Bytes of codes that stay in the second-level cache for the next row of inputs. */
const CACHED = 2 ** 18;
const VECTOR_BYTES = 16;

/** Rows or columns `start … end` of the output; `start` begins a quad, or a panel of rows. */
export function packedProduct(tools: TaskTools, task: PackedProductTask, start: number, end: number): void {
  if (task.inputs) dots(tools, task, start, end);
  else if (task.panels) byteProduct(tools, task, start, end);
  else panels(tools, task, start, end);
}

function dots(tools: TaskTools, task: PackedProductTask, start: number, end: number): void {
  const { m, blocks, group, inputs, input_scales, input_sums } = task;
  const kernel = tools.packed(task);
  const together =
    m === 1 ? Number.POSITIVE_INFINITY : Math.ceil(CACHED / (blocks * QUAD * blockBytes(task.bits))) * QUAD;
  dotColumns(tools, task, m, start, end, together, (y, y_end, row, column) => {
    const x = (inputs as Uint8Array).byteOffset + row * blocks * 2 * BLOCK;
    const scales = (input_scales as Float32Array).byteOffset + row * blocks * 4;
    const sums = (input_sums as Float32Array).byteOffset + row * blocks * 4;
    kernel.dot_quads(y, y_end, ...placeOf(task, column / QUAD), x, scales, sums, blocks, group);
  });
}

function panels(tools: TaskTools, task: PackedProductTask, start: number, end: number): void {
  const { k, a, blocks, group } = task;
  const kernel = tools.packed(task);
  const source: PanelSource = {
    unit: BLOCK,
    pack(target, column, columns, step, steps, tiles) {
      const unpack = tiles === 'wide' ? kernel.unpack_quad_wide : kernel.unpack_quad;
      const first = step / BLOCK;
      const count = Math.min(blocks - first, Math.ceil(steps / BLOCK));
      const left = group - (first % group);
      const quad = (start + column) / QUAD;
      for (let q = 0; q < columns / QUAD; q++) {
        unpack(panelPlace(target, q, steps, tiles), ...placeOf(task, quad + q, first), count, group, left);
      }
    },
  };
  panelProduct(tools, task, view(a, k), source, start, end);
}

/** Where the columns of a quad begin in panels of so many steps: a panel has as many quads as a step has vectors. */
export function panelPlace(target: number, quad: number, steps: number, tiles: TileWidth): number {
  const step_bytes = PANEL_STEP_BYTES[tiles];
  const quads = step_bytes / VECTOR_BYTES;
  return target + Math.floor(quad / quads) * step_bytes * steps + (quad % quads) * VECTOR_BYTES;
}

/** Columns `start … end` of a product whose right operand writes its own panels. */
export function panelProduct(
  tools: TaskTools,
  task: Epilogue & { m: number; n: number; k: number; output: Float32Array },
  a: StridedView,
  source: PanelSource,
  start: number,
  end: number,
): void {
  const { m, n, k, output } = task;
  const mode: ProductMode = needsEpilogue(task)
    ? {
        finish: (block) => tools.epilogue.apply(task, block, output, n, 0, start),
        finish_reads: Boolean(task.accumulate),
      }
    : {};
  tools.product.multiply(m, end - start, k, a, source, view(output, n, start), mode);
}
