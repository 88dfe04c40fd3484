/**
 * @file Products of many rows with codes of fewer than 8 bits, byte by byte (`byte_tile.ts`): inputs are rounded to 16 bits once, by
 * all threads; each then takes a range of the product, and makes bytes of the codes that it meets.
 */
import { BLOCK_K, BLOCK_M, BLOCK_N } from '../linalg/panel_scratch.ts';
import { BYTES, type TileWidth, tileColumns } from '../linalg/tile_kernel.ts';
import { BYTE_ROWS, LEFT_BLOCK, rightBlock } from './byte_tile.ts';
import { needsEpilogue } from './epilogue.ts';
import { BLOCK, type PackedForm, QUAD } from './packed_layout.ts';
import { type PackedProductTask, placeOf } from './packed_task.ts';
import type { TaskTools } from './task_tools.ts';

export interface ByteInputsTask {
  /** (m, k), k a whole number of blocks. */
  x: Float32Array;
  m: number;
  k: number;
  /** Left panels, of {@link leftPanelBytes}. */
  panels: Uint8Array;
}

/** Bytes of left panels that stay in the second-level cache while all columns of a block meet them. */
const CACHED = 2 ** 19;
/** Where panels of the right side lie: the place of those of floats. */
const RIGHT_BYTES = BYTES.f32 * BLOCK_N.f32 * BLOCK_K.f32;

const leftPanel = (k: number) => (k / BLOCK) * LEFT_BLOCK;
export const leftPanelBytes = (m: number, k: number) => Math.ceil(m / BYTE_ROWS) * leftPanel(k);

/** Rows whose left panels take at most so many bytes: whole panels. */
export const rowsWithin = (bytes: number, k: number) => Math.floor(bytes / leftPanel(k)) * BYTE_ROWS;

/** Whether codes of this form and so many inputs are multiplied as bytes: where a tile's columns fit where panels lie. */
export function areBytes({ bits }: PackedForm, k: number): boolean {
  return bits < 8 && k % BLOCK === 0 && panelBytes(k, 'wide') <= RIGHT_BYTES;
}

/** Of the columns of a tile. */
const panelBytes = (k: number, width: TileWidth) => (k / BLOCK) * rightBlock(width);

/** Rows `start … end`; `start` begins a panel. */
export function byteInputs(tools: TaskTools, { x, m, k, panels }: ByteInputsTask, start: number, end: number): void {
  const { bytes } = tools;
  const panel = leftPanel(k);
  for (let row = start; row < end; row++) {
    const at = panels.byteOffset + Math.floor(row / BYTE_ROWS) * panel;
    // Rows that the last panel has too many.
    if (row % BYTE_ROWS === 0 && row + BYTE_ROWS > m) bytes.zero(at, panel);
    const from = x.byteOffset + 4 * row * k;
    bytes.quantise_row(from, from + 4 * k, at + 4 * (row % BYTE_ROWS));
  }
}

/** Rows or columns `start … end` of the output; `start` begins a panel of rows, or a quad. */
export function byteProduct(tools: TaskTools, task: PackedProductTask, start: number, end: number): void {
  const { m, n, k } = task;
  const isByRows = task.by === 'rows';
  const [first_row, last_row] = isByRows ? [start, end] : [0, m];
  const [first_column, last_column] = isByRows ? [0, n] : [start, end];
  const work = (last_row - first_row) * (last_column - first_column) * k;
  const width = tools.byteTiles.width(work);
  const isTimed = tools.byteTiles.isTimed(work);
  const { right } = tools.product.room;
  const most = Math.min(BLOCK_N.f32, Math.floor(RIGHT_BYTES / panelBytes(k, width)) * tileColumns('f32', width));
  let ms = 0;
  for (let column = first_column; column < last_column; column += most) {
    const part = { column, columns: Math.min(most, last_column - column), width };
    writeRight(tools, task, part, right);
    const begun = isTimed ? performance.now() : 0;
    multiply(tools, task, part, first_row, last_row);
    if (isTimed) ms += performance.now() - begun;
  }
  if (isTimed) tools.byteTiles.took(width, work, work, ms);
}

interface Columns {
  column: number;
  columns: number;
  width: TileWidth;
}

function writeRight(tools: TaskTools, task: PackedProductTask, { column, columns, width }: Columns, to: number): void {
  const { blocks, group, k } = task;
  const kernel = tools.packed(task);
  const write = width === 'wide' ? kernel.codes_to_bytes_wide : kernel.codes_to_bytes_narrow;
  const tile = tileColumns('f32', width);
  const panel = panelBytes(k, width);
  // Scales of columns that the last panel has too many are zero.
  if (columns % tile !== 0) tools.bytes.zero(to + Math.floor(columns / tile) * panel, panel);
  for (let c = 0; c < columns; c += QUAD) {
    const at = to + Math.floor(c / tile) * panel + 4 * (c % tile);
    write(at, ...placeOf(task, (column + c) / QUAD), blocks, group, group);
  }
}

function multiply(
  tools: TaskTools,
  task: PackedProductTask,
  { column, columns, width }: Columns,
  first: number,
  last: number,
): void {
  const { k, n, blocks, output, panels } = task;
  const { right, block: scratch, line } = tools.product.room;
  const kernel = width === 'wide' ? tools.bytes.multiply_bytes_wide : tools.bytes.multiply_bytes_narrow;
  const tile = tileColumns('f32', width);
  const held = Math.ceil(columns / tile) * tile;
  const cached = Math.floor(CACHED / leftPanel(k));
  const most = BYTE_ROWS * Math.max(1, Math.min(cached, Math.floor(BLOCK_M / BYTE_ROWS)));
  const left = (panels as Uint8Array).byteOffset;
  for (let row = first; row < last; ) {
    // What is left over of a panel goes by itself, since it does not end where the output does.
    const rows = last - row < BYTE_ROWS ? last - row : Math.min(most, last - row - ((last - row) % BYTE_ROWS));
    const isWhole = rows % BYTE_ROWS === 0 && held === columns && !task.accumulate;
    const [at, stride] = isWhole ? [output.byteOffset / 4 + row * n + column, n] : [scratch / 4, held];
    const padded = Math.ceil(rows / BYTE_ROWS) * BYTE_ROWS;
    kernel(padded, held, blocks, left + (row / BYTE_ROWS) * leftPanel(k), right, 4 * at, 4 * stride);
    const block = { row: 0, rows, column: 0, columns, at, stride, scratch: line / 4 };
    const isWritten = needsEpilogue(task) && tools.epilogue.apply(task, block, output, n, row, column);
    if (!isWhole && !isWritten) copyRows(tools, output, row * n + column, n, rows, columns, at, stride);
    row += rows;
  }
}

function copyRows(
  tools: TaskTools,
  output: Float32Array,
  to: number,
  n: number,
  rows: number,
  columns: number,
  from: number,
  stride: number,
): void {
  const heap = tools.product.floats;
  for (let r = 0; r < rows; r++) {
    output.set(heap.subarray(from + r * stride, from + r * stride + columns), to + r * n);
  }
}
