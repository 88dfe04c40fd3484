/** @file The grid of kernels with one thread an element. */

/** Workgroups that cover `count` threads. */
export function lineOf(count: number, workgroupSize: number): number {
  return Math.ceil(count / workgroupSize);
}
