/**
 * @file The f64 matrix product, the one hot loop of the reference backend and of the f64 eigensolver, over strided views,
 * so that transposes cost nothing but packing.
 */
import { PanelProduct, type RowsView, type StridedView } from './panel_product.ts';
import type { SecularRows } from './secular_kernel.ts';
import type { ShareWork } from './shared_work.ts';
import type { VectorKernel } from './vector_kernel.ts';

export type MatrixView = StridedView<Float64Array>;

/** As {@link addProduct}: a backend may compute it in its own way. */
export interface AddProduct {
  (m: number, n: number, k: number, a: MatrixView, b: MatrixView, c: RowsView<Float64Array>, upper?: boolean): void;
  /** An array where large operands need not be copied first, with what it held before; to be released. */
  allocate?(elements: number): Float64Array;
  release?(values: Float64Array): void;
  /** Does ranges of a task on all threads; its arrays are from `allocate`. */
  share?: ShareWork;
  /** Sums are rounded once where the engine can: loops beside it may be, too. */
  readonly isFused?: boolean;
  /** The vector loops for an array that lies where they reach it. */
  kernelFor?(values: Float64Array | Float32Array): VectorKernel | undefined;
  /** The rows of a secular equation of so many poles, where arrays of `allocate` lie in their memory: to be used and left before anything else runs. */
  secularRows?(length: number): SecularRows | undefined;
}

let product: PanelProduct | undefined;

/** Row-major view. */
export function view<T extends Float32Array | Float64Array>(values: T, row_stride: number, offset = 0): StridedView<T> {
  return { values, offset, row_stride, column_stride: 1 };
}

/** The transposed view: no copy. */
export function transposed<T extends Float32Array | Float64Array>(matrix: StridedView<T>): StridedView<T> {
  return { ...matrix, row_stride: matrix.column_stride, column_stride: matrix.row_stride };
}

/**
 * C (m, n) += A (m, k) · B (k, n). C is row-major and overlaps neither input. With `upper`, only elements of C with
 * column ≥ row are touched. Never fused: the reference gives the same bits on every machine.
 */
export function addProduct(
  m: number,
  n: number,
  k: number,
  a: MatrixView,
  b: MatrixView,
  c: RowsView<Float64Array>,
  upper = false,
): void {
  product ??= new PanelProduct('f64', false);
  product.multiply(m, n, k, a, b, c, { adds: true, upper });
}
