/** @file Sizes that the host and shaders/common/tridiagonal_layout.wgsl agree on. */

/** Columns of a panel. */
export const PANEL = 32;
/** Columns of the matrix that an invocation multiplies; everything skipped is skipped in these steps. */
export const BLOCK = 16;
/** Of a storage access in multiply-adds, for estimates of work: memory bounds these kernels on every adapter. */
export const ACCESS_WORK = 6;

export const PARAMS = { size: 'u32', column: 'u32', done: 'u32' } as const;

/** The first line of the block that `line` lies in. */
export function blockStart(line: number): number {
  return line - (line % BLOCK);
}

/** Floats of `product`, which the parts of the last sum end. */
export function productLength(size: number): number {
  return size + 4 * PANEL + 4 + size;
}

/** Floats in a line of `column_parts`. */
export function columnPartsStride(size: number): number {
  return size + 2 * PANEL + 4;
}
