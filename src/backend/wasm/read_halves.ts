/** @file A tensor as the bytes of half floats, on all threads. */
import type { Arrays } from './arrays.ts';
import { FLOATS } from './half_tensors.ts';
import { equalRanges, type Threads } from './threads.ts';

/** Multiply-adds that take about as long as a value does. */
const WORK = 4;

/**
 * The bytes of a tensor's values as F16, each rounded to nearest even; undefined where one is NaN or too large for it.
 * @param parts In how many ranges a task of so many products is cut. @param into Taken for them where it is large enough: the
 * pages of a new array cost ten times what the copy does.
 */
export function readHalves(
  threads: Threads,
  arrays: Arrays,
  values: Float32Array,
  parts: (products: number) => number,
  into?: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | undefined {
  const beyond = arrays.words(1).fill(0);
  const halves = arrays.words(Math.ceil(values.length / 2));
  const bytes = new Uint8Array(halves.buffer, halves.byteOffset, 2 * values.length);
  const ranges = equalRanges(values.length, parts(WORK * values.length), FLOATS);
  threads.run('encode_halves', { values, bytes, beyond }, ranges);
  const found = beyond[0] === 0 ? copied(bytes, into) : undefined;
  arrays.recycle(halves);
  arrays.recycle(beyond);
  return found;
}

function copied(bytes: Uint8Array, into: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> {
  const size = bytes.byteLength;
  const copy = into && into.byteLength >= size ? into.subarray(0, size) : new Uint8Array(size);
  copy.set(bytes);
  return copy;
}
