/**
 * @file Eigenpairs of several matrices, a thread each: no thread waits for another until all are done. Each matrix has a place
 * in the memory of all threads, with room behind it for all that its solver takes: a thread cannot allocate there.
 */
import type { AddProduct } from './gemm.ts';
import type { Eigenpairs } from './shared_work.ts';
import { atOnce } from './steps.ts';
import { eigenSteps } from './symmetric_eigen.ts';

/** Numbers of a cache line: no two threads write to the same one. */
const LINE = 8;
const wholeLines = (elements: number) => LINE * Math.ceil(elements / LINE);

/**
 * Numbers of a matrix's place: itself; vectors, what they are gathered from and shares of them; panels of the reduction, numbers
 * of the secular equation, factors and products of the back-transform.
 */
export function eigenpairsPlace(n: number): number {
  return wholeLines(4 * n * n + 352 * n + 8192);
}

/** Solves matrices `start … end`. One that fails is told, and stops no other. */
export function solveEigenpairs(task: Eigenpairs, start: number, end: number, multiply: AddProduct): void {
  const { places, n, wanted, eigenvalues, eigenvectors, failed } = task;
  const size = eigenpairsPlace(n);
  for (let i = start; i < end; i++) {
    const place = places.subarray(i * size, (i + 1) * size);
    const matrix = place.subarray(0, n * n + 1);
    const own = allocatingIn(place.subarray(wholeLines(matrix.length)), multiply);
    const columns = () => eigenvectors.subarray(i * n * wanted, (i + 1) * n * wanted);
    try {
      const found = atOnce(eigenSteps(columns, matrix, n, own, wanted, matrix));
      eigenvalues.set(found.eigenvalues, i * n);
      failed[i] = 0;
    } catch {
      failed[i] = 1;
    }
  }
}

/** What is released is not taken again: the place has room for all. */
function allocatingIn(place: Float64Array, multiply: AddProduct): AddProduct {
  let used = 0;
  const own: AddProduct = (...product) => multiply(...product);
  const allocate = (elements: number) => {
    const values = place.subarray(used, used + elements);
    // Not a RangeError, with which a solver would go on in arrays of its own.
    if (values.length < elements)
      throw new Error(`A place of ${place.length} numbers has no room for ${elements} more.`);
    used += wholeLines(elements);
    return values;
  };
  return Object.assign(own, {
    ...{ allocate, release: () => {}, isFused: multiply.isFused },
    kernelFor: (values: Float64Array | Float32Array) => multiply.kernelFor?.(values),
    secularRows: (length: number) => multiply.secularRows?.(length),
  });
}
