/** @file Products with grouped integers: one thread's share, for a row or two by the codes, for more by panels of floats. */
import { transposed, view } from '../linalg/gemm.ts';
import type { ProductMode } from '../linalg/panel_product.ts';
import type { Epilogue } from './epilogue.ts';
import type { PackedForm } from './packed_layout.ts';
import type { TaskTools } from './tasks.ts';

export interface PackedProductTask extends Epilogue, PackedForm {
  m: number;
  /** Rows of codes that count. */
  n: number;
  k: number;
  /** (m, k). */
  a: Float32Array;
  packed: Uint8Array;
  scales_at: number;
  zeros_at: number;
  blocks: number;
  group: number;
  groups: number;
  /** Of few rows: inputs as integers, (m, 32 · blocks) of 16 bits, with scales and sums (m, blocks). Absent: by panels. */
  inputs?: Uint8Array;
  input_scales?: Float32Array;
  input_sums?: Float32Array;
  /** Every float16 as f32. */
  table: Float32Array;
  /** (m, n). */
  output: Float32Array;
}

/** Inputs are made integers for so many rows; beyond, decoding a row of codes once serves all of them. */
export const MOST_DOT_ROWS = 4;

/** Columns `start … end` of the output. */
export function packedProduct(tools: TaskTools, task: PackedProductTask, start: number, end: number): void {
  if (task.inputs) dots(tools, task, start, end);
  else panels(tools, task, start, end);
}

/** Addresses of rows from `row` on. */
function placeOf({ packed, bits, blocks, groups, scale, zero, scales_at, zeros_at }: PackedProductTask, row: number) {
  const zeroBytes = { symmetric: 0, integer: 1, minimum: 2 }[zero];
  const from = packed.byteOffset;
  return [
    from + row * blocks * 4 * bits,
    from + scales_at + row * groups * (scale === 'F16' ? 2 : 4),
    from + zeros_at + row * groups * zeroBytes,
  ] as const;
}

const needsEpilogue = (task: Epilogue) => Boolean(task.row_scale || task.gate || task.accumulate);

function dots(tools: TaskTools, task: PackedProductTask, start: number, end: number): void {
  const { m, n, blocks, group, output, table, inputs, input_scales, input_sums } = task;
  const kernel = tools.packed(task);
  const scratch = tools.panel;
  // Half of the scratch holds the results, the other what they meet.
  const most = Math.floor(scratch.length / 2) - 8;
  for (let first = start; first < end; first += most) {
    const columns = Math.min(most, end - first);
    for (let row = 0; row < m; row++) {
      const direct = output.byteOffset + 4 * (row * n + first);
      const y = needsEpilogue(task) ? scratch.byteOffset : direct;
      const x = (inputs as Uint8Array).byteOffset + row * blocks * 64;
      const scales = (input_scales as Float32Array).byteOffset + row * blocks * 4;
      const sums = (input_sums as Float32Array).byteOffset + row * blocks * 4;
      kernel.dot_rows(y, y + 4 * columns, ...placeOf(task, first), x, scales, sums, table.byteOffset, blocks, group);
      if (y === direct) continue;
      const at = y / 4;
      const block = { row: 0, rows: 1, column: 0, columns, at, stride: columns, scratch: at + most };
      tools.epilogue.apply(task, block, output, n, row, first);
      output.set(scratch.subarray(0, columns), row * n + first);
    }
  }
}

function panels(tools: TaskTools, task: PackedProductTask, start: number, end: number): void {
  const { m, n, k, a, blocks, group, output, table } = task;
  const { product } = tools;
  const kernel = tools.packed(task);
  const panel = tools.panel;
  const stride = 32 * blocks;
  const most = Math.max(1, Math.floor(panel.length / stride));
  for (let first = start; first < end; first += most) {
    const columns = Math.min(most, end - first);
    const out = panel.byteOffset;
    kernel.unpack_rows(out, out + 4 * columns * stride, ...placeOf(task, first), table.byteOffset, blocks, group);
    const mode: ProductMode = needsEpilogue(task)
      ? {
          finish: (block) => tools.epilogue.apply(task, block, output, n, 0, first),
          finish_reads: Boolean(task.accumulate),
        }
      : {};
    product.multiply(m, columns, k, view(a, k), transposed(view(panel, stride)), view(output, n, first), mode);
  }
}
