/** @file C += A·B of the host's f64 arrays on all threads, and what linear algebra shares with them besides. */
import type { AddProduct, MatrixView } from '../linalg/gemm.ts';
import type { RowsView } from '../linalg/panel_product.ts';
import type { ShareWork } from '../linalg/shared_work.ts';
import { hasFusedMultiplyAdd } from '../linalg/tile_kernel.ts';
import type { Arrays } from './arrays.ts';
import { equalRanges, type Threads, triangleRanges } from './threads.ts';

/** What of the backend it works with. */
export interface ProductTools {
  threads: Threads;
  arrays: Arrays;
  /** In how many ranges a task of so many products is cut. */
  parts: (products: number) => number;
  recycle: (values: Float64Array) => void;
}

/** What a solver computes with mostly lies in arrays of its own: large operands are copied to where all threads are. */
export function sharedProduct({ threads, arrays, parts, recycle }: ProductTools): AddProduct {
  return Object.assign(
    (m: number, n: number, k: number, a: MatrixView, b: MatrixView, c: RowsView<Float64Array>, upper = false) => {
      const shares = parts(m * n * k);
      if (shares === 1) {
        threads.tools.product64.multiply(m, n, k, a, b, c, { adds: true, upper });
        return;
      }
      const copies: Float64Array[] = [];
      const held = (matrix: MatrixView, rows: number, columns: number): Float64Array => {
        const { values, offset } = matrix;
        if (arrays.holds(values.buffer)) return values.subarray(offset, offset + reachOf(matrix, rows, columns));
        const copy = copied(arrays, matrix, rows, columns);
        copies.push(copy);
        return copy;
      };
      const isInPlace = arrays.holds(c.values.buffer);
      const [left, right] = [held(a, m, k), held(b, k, n)];
      const output = isInPlace ? c.values.subarray(c.offset) : arrays.doubles(m * n);
      if (!isInPlace) {
        copies.push(output);
        for (let row = 0; row < m; row++) {
          const at = c.offset + row * c.row_stride;
          output.set(c.values.subarray(at, at + n), row * n);
        }
      }
      const task = {
        ...{ m, n, k, a: left, a_row_stride: a.row_stride, a_column_stride: a.column_stride },
        ...{ b: right, b_row_stride: b.row_stride, b_column_stride: b.column_stride, output, upper },
        output_row_stride: isInPlace ? c.row_stride : n,
        by: upper || m >= n ? ('rows' as const) : ('columns' as const),
      };
      const shared = task.by === 'rows' ? equalRanges(m, shares, 4) : equalRanges(n, shares, 8);
      threads.run('product64', task, upper ? triangleRanges(m, shares) : shared);
      for (let row = 0; row < (isInPlace ? 0 : m); row++) {
        const first = upper ? row : 0;
        c.values.set(output.subarray(row * n + first, (row + 1) * n), c.offset + row * c.row_stride + first);
      }
      for (const copy of copies) recycle(copy);
    },
    {
      allocate: (elements: number) => arrays.doubles(elements),
      release: (values: Float64Array) => recycle(values),
      isFused: hasFusedMultiplyAdd('f64'),
      kernelFor: (values: Float64Array | Float32Array) => threads.tools.vectorsFor(values),
      secularRows: (length: number) => threads.tools.secularRows(length),
      share: ((name, task, bounds) => threads.run(name, task as never, bounds)) as ShareWork,
    },
  );
}

/** Elements from the first to the last of a view of (rows, columns). */
function reachOf({ row_stride, column_stride }: MatrixView, rows: number, columns: number): number {
  return (rows - 1) * row_stride + (columns - 1) * column_stride + 1;
}

/** The part of a matrix that a view of (rows, columns) reaches, with the same strides. */
function copied(arrays: Arrays, matrix: MatrixView, rows: number, columns: number): Float64Array {
  const { values, offset } = matrix;
  const copy = arrays.doubles(reachOf(matrix, rows, columns));
  copy.set(values.subarray(offset, offset + copy.length));
  return copy;
}
