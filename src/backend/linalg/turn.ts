/** @file Triangles of a symmetric matrix, one made of the other: by kernels where both lie where those reach them, with the same bits. */
import type { AddProduct } from './gemm.ts';
import { EXTREMES } from './turn_kernel.ts';
import type { VectorKernel } from './vector_kernel.ts';

/** Side of the squares that are turned at a time: lines of both matrices stay in the cache. */
export const SQUARE = 16;
/** Numbers that kernels have beside a matrix: factors of a square's rows, and what is found of a row. */
export const TURN_SCRATCH = SQUARE + EXTREMES;

/** Whoever reaches all of them. */
export function kernelOf(
  multiply: AddProduct | undefined,
  ...arrays: (ArrayLike<number> | undefined)[]
): VectorKernel | undefined {
  let kernel: VectorKernel | undefined;
  for (const values of arrays) {
    const isTyped = values instanceof Float64Array || values instanceof Float32Array;
    kernel = isTyped ? multiply?.kernelFor?.(values) : undefined;
    if (!kernel) return undefined;
  }
  return kernel;
}

/**
 * lower[j][i] = factor·upper[i][j] for all j ≥ i of (n, n) matrices, which may be the same one.
 * @param scratch {@link TURN_SCRATCH} numbers, where kernels are to do it.
 */
export function turnUpper(
  upper: ArrayLike<number>,
  n: number,
  factor: number,
  lower: Float64Array,
  multiply?: AddProduct,
  scratch?: Float64Array,
): void {
  const kernel = upper instanceof Float64Array ? kernelOf(multiply, upper, lower, scratch) : undefined;
  scratch?.fill(factor, 0, SQUARE);
  const [from, to] = [addressOf(upper), lower.byteOffset];
  for (let row0 = 0; row0 < n; row0 += SQUARE) {
    const row_end = Math.min(n, row0 + SQUARE);
    for (let column0 = row0; column0 < n; column0 += SQUARE) {
      const column_end = Math.min(n, column0 + SQUARE);
      const [rows, columns] = [row_end - row0, column_end - column0];
      if (kernel && scratch && column0 > row0 && columns % 2 === 0) {
        const [source, target] = [from + 8 * (row0 * n + column0), to + 8 * (column0 * n + row0)];
        kernel.turn(source, 8 * n, target, 8 * n, 8 * rows, 8 * columns, scratch.byteOffset);
        continue;
      }
      for (let j = column0; j < column_end; j++) {
        const end = Math.min(row_end, j + 1);
        for (let i = row0; i < end; i++) lower[j * n + i] = upper[i * n + j] * factor;
      }
    }
  }
}

/**
 * The largest magnitude in the upper triangle, or NaN where a kernel found a number that is not finite.
 * @param scratch As of {@link turnUpper}. @returns Undefined where no kernel reaches the matrix.
 */
export function largestInUpper(
  upper: ArrayLike<number>,
  n: number,
  multiply?: AddProduct,
  scratch?: Float64Array,
): number | undefined {
  const kernel = kernelOf(multiply, upper, scratch);
  if (!(upper instanceof Float64Array) || !kernel || !scratch) return undefined;
  const found = scratch.subarray(SQUARE, SQUARE + EXTREMES);
  let largest = 0;
  for (let i = 0; i < n; i++) {
    const count = n - i;
    if (count % 2 === 1) {
      const value = Math.abs(upper[i * n + i]);
      if (!(value < Number.POSITIVE_INFINITY)) return Number.NaN;
      largest = Math.max(largest, value);
    }
    if (count < 2) continue;
    kernel.extremes(upper.byteOffset + 8 * (i * n + i + (count % 2)), 8 * (count - (count % 2)), found.byteOffset);
    largest = Math.max(largest, found[0], found[1], -found[2], -found[3]);
    if (Number.isNaN(found[4] + found[5])) return Number.NaN;
  }
  return largest;
}

const addressOf = (values: ArrayLike<number>) => (values instanceof Float64Array ? values.byteOffset : 0);
