/**
 * @file The two larger steps of the tridiagonal reduction, each for a range of rows, which threads may share: the product of
 * the symmetric matrix with a vector, and what a panel of reflectors takes off the matrix. Both work on its lower triangle.
 */
import { type AddProduct, transposed, view } from './gemm.ts';
import type { PanelUpdate, SymmetricProduct } from './shared_work.ts';
import { KERNEL_SCRATCH } from './vector_kernel.ts';

/** Rows of the kernel. */
const ROWS = 4;

/**
 * Rows of range `part` of so many, which hold about equally many elements: the same for any number of threads, because each
 * range has a sum of its own.
 */
export function symmetricRange(size: number, part: number, parts: number): [first: number, end: number] {
  const bound = (i: number) => Math.round((size * Math.sqrt(i / parts)) / ROWS) * ROWS;
  return [part === 0 ? 0 : bound(part), part + 1 === parts ? size : bound(part + 1)];
}

/** The shares of ranges `start … end` in A·v. */
export function symmetricProduct(task: SymmetricProduct, start: number, end: number, multiply: AddProduct): void {
  const { matrix, stride, size, v, products, length, parts } = task;
  const kernel = multiply.kernelFor?.(matrix);
  if (!kernel) throw new RangeError('The matrix lies where no kernel reaches it.');
  for (let part = start; part < end; part++) {
    const [first, last] = symmetricRange(size, part, parts);
    const product = products.subarray(part * length, (part + 1) * length);
    product.fill(0, 0, Math.ceil(last / ROWS) * ROWS);
    const whole = Math.min(wholeRows(task), first + Math.ceil((last - first) / ROWS) * ROWS);
    if (whole > first) {
      const row = matrix.byteOffset + 8 * first * stride;
      const scratch = product.byteOffset + 8 * (length - KERNEL_SCRATCH);
      kernel.symmetric_range(row, 8 * stride, 8 * first, 8 * whole, v.byteOffset, product.byteOffset, scratch);
    }
    corner(matrix, stride, whole, last, v, product);
  }
}

/** The kernel takes whole fours of rows: those beyond the last count nothing, as v is zero there, but they have to be there. */
function wholeRows({ size, rows }: SymmetricProduct): number {
  const whole = Math.ceil(size / ROWS) * ROWS;
  return whole <= rows ? whole : Math.floor(size / ROWS) * ROWS;
}

/** Adds the share of rows `start … end`. */
function corner(
  matrix: Float64Array,
  stride: number,
  start: number,
  end: number,
  v: Float64Array,
  product: Float64Array,
): void {
  for (let i = start; i < end; i++) {
    const row = i * stride;
    let sum = matrix[row + i] * v[i];
    for (let j = 0; j < i; j++) {
      const element = matrix[row + j];
      sum += element * v[j];
      product[j] += element * v[i];
    }
    product[i] += sum;
  }
}

/** Rows of the triangle that are brought up to date together. */
export const UPDATE_ROWS = 64;

/** A −= V·Wᵀ + W·Vᵀ as one product, (V W)·(−W −V)ᵀ, of strips of rows up to their diagonal: strip 0 is the last and longest. */
export function updatePanel(task: PanelUpdate, start: number, end: number, multiply: AddProduct): void {
  const { matrix, stride, size, left, right, length, count } = task;
  for (let strip = start; strip < end; strip++) {
    const last = size - strip * UPDATE_ROWS;
    const first = Math.max(0, last - UPDATE_ROWS);
    const rows = transposed(view(left, length, first));
    multiply(last - first, last, count, rows, view(right, length), view(matrix, stride, first * stride));
  }
}
