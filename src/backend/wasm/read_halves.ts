/** @file A tensor as the bytes of half floats, on all threads. */
import type { Arrays } from './arrays.ts';
import { FLOATS } from './half_tensors.ts';
import { equalRanges, type Threads } from './threads.ts';

/** Multiply-adds that take about as long as a value does. */
const WORK = 4;

/**
 * The bytes of a tensor's values as F16, each rounded to nearest even; undefined where one is NaN or too large for it.
 * @param parts In how many ranges a task of so many products is cut.
 */
export function readHalves(
  threads: Threads,
  arrays: Arrays,
  values: Float32Array,
  parts: (products: number) => number,
): Uint8Array<ArrayBuffer> | undefined {
  const beyond = arrays.words(1).fill(0);
  const halves = arrays.words(Math.ceil(values.length / 2));
  const bytes = new Uint8Array(halves.buffer, halves.byteOffset, 2 * values.length);
  const ranges = equalRanges(values.length, parts(WORK * values.length), FLOATS);
  threads.run('encode_halves', { values, bytes, beyond }, ranges);
  const found = beyond[0] === 0 ? new Uint8Array(bytes) : undefined;
  arrays.recycle(halves);
  arrays.recycle(beyond);
  return found;
}
