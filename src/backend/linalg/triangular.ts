/**
 * @file Inverses of upper triangular matrices in f64, by halves, so that products do most of the work. Small diagonal parts are
 * inverted side by side, the joins above them one after another with all threads in each.
 */
import { pulse } from '../../pulse/pulse.ts';
import { breather, throwIfCancelled } from '../event_loop.ts';
import type { LinalgOptions } from './cholesky.ts';
import { type AddProduct, addProduct, view } from './gemm.ts';
import {
  columnRanges,
  type InverseJoin,
  type InverseParts,
  rangesOf,
  room,
  runShared,
  stretchesOf,
} from './shared_work.ts';
import { LEAF, triangleLeaf } from './triangle_kernel.ts';

/** Parts up to this size are inverted by one thread each. */
const PART = 300;
/** Rows of a triangular factor that are multiplied together, with the zeros that are among them. */
const STRIP = 128;

/**
 * U⁻¹ of an upper triangular U, (n, n) row-major, both with zeros below the diagonal. U is left as it is.
 * @throws `cancelled`
 */
export function invertUpper(U: Float64Array, n: number, options: LinalgOptions = {}): Promise<Float64Array> {
  return invertInto(new Float64Array(n * n), U, n, options);
}

/** As {@link invertUpper}, in the place of U. */
export function invertUpperInPlace(U: Float64Array, n: number, options: LinalgOptions = {}): Promise<Float64Array> {
  return invertInto(U, U, n, options);
}

/** @param inverse Takes it, zeros below its diagonal; may be U itself. */
async function invertInto(
  inverse: Float64Array,
  U: Float64Array,
  n: number,
  { signal, multiply = addProduct }: LinalgOptions,
): Promise<Float64Array> {
  throwIfCancelled(signal);
  const breathe = breather(signal);
  const held = room(multiply);
  try {
    let depth = 0;
    while (Math.ceil(n / 2 ** depth) > PART) depth++;
    // Of the largest join, and of all parts.
    const scratch = held.take(Math.max(Math.ceil(n / 2) ** 2, depth === 0 ? n * n : n * PART));
    const isReached = !multiply.allocate || multiply.kernelFor?.(inverse) !== undefined;
    const place = isReached ? inverse : held.take(n * n);
    if (place !== U) place.set(U);
    const parts = { U: place, n, depth, scratch };
    runShared(multiply, 'inverse_parts', invertParts, parts, rangesOf(2 ** depth, 1), (n * PART ** 2) / 6);
    await joinParts(parts, 0, n, depth, breathe, multiply);
    for (let i = 0; i < n; i++) for (let at = i * n + i; at < (i + 1) * n; at++) inverse[at] = -place[at];
  } finally {
    held.release();
  }
  return inverse;
}

const middleOf = (start: number, end: number) => start + ((end - start) >> 1);

/** −U⁻¹ of parts `first … last`, each in its place. */
export function invertParts(task: InverseParts, first: number, last: number, multiply: AddProduct): void {
  const { n, depth, scratch } = task;
  for (let part = first; part < last; part++) {
    let [start, end] = [0, n];
    for (let level = depth - 1; level >= 0; level--) {
      if ((part >> level) & 1) start = middleOf(start, end);
      else end = middleOf(start, end);
    }
    invertPart({ ...task, scratch: scratch.subarray(start * PART) }, start, end, multiply);
  }
}

function invertPart(task: InverseParts, start: number, end: number, multiply: AddProduct): void {
  const { U, n } = task;
  pulse();
  if (end - start <= LEAF) {
    invertLeaf(U, n, start, end, multiply);
    return;
  }
  // A multiple of the kernel's tiles, near the middle.
  const middle = start + Math.max(LEAF, Math.round((end - start) / 2 / LEAF) * LEAF);
  invertPart(task, start, middle, multiply);
  invertPart(task, middle, end, multiply);
  for (const stage of [0, 1]) joinInverse({ ...task, start, middle, end, stage }, middle, end, multiply);
}

function invertLeaf(U: Float64Array, n: number, start: number, end: number, multiply: AddProduct): void {
  const leaf = triangleLeaf(multiply.isFused ?? false);
  const size = end - start;
  for (let i = 0; i < size; i++) {
    const at = (start + i) * n + start;
    for (let j = i; j < size; j++) leaf.block[i * LEAF + j] = U[at + j];
  }
  leaf.invert(size);
  for (let i = 0; i < size; i++) {
    const at = (start + i) * n + start;
    for (let j = i; j < size; j++) U[at + j] = leaf.inverse[i * LEAF + j];
  }
}

/**
 * Columns `first … last` of a join, −[U₁ B; 0 U₂]⁻¹ = [N₁ N₁·B·N₂; 0 N₂] with N₁ = −U₁⁻¹ and N₂ = −U₂⁻¹: stage 0 puts B·N₂ aside,
 * stage 1 gives N₁ times that. Neither multiplies more of the factors' zeros than it must.
 */
export function joinInverse(task: InverseJoin, first: number, last: number, multiply: AddProduct): void {
  const { U, n, start, middle, end, scratch, stage } = task;
  const [rows, columns] = [middle - start, end - middle];
  const [from, width] = [first - middle, last - first];
  const cleared = stretchesOf(stage === 0 ? scratch : U, scratch, multiply);
  for (let i = 0; i < rows; i++) cleared.clear(stage === 0 ? i * columns + from : (start + i) * n + first, width);
  if (stage === 0) {
    for (let at = from; at < from + width; at += STRIP) {
      const until = Math.min(from + width, at + STRIP);
      const factor = view(U, n, middle * n + middle + at);
      multiply(rows, until - at, until, view(U, n, start * n + middle), factor, view(scratch, columns, at));
    }
    return;
  }
  for (let row = 0; row < rows; row += STRIP) {
    const count = Math.min(STRIP, rows - row);
    const factor = view(U, n, (start + row) * n + start + row);
    const known = view(scratch, columns, row * columns + from);
    multiply(count, width, rows - row, factor, known, view(U, n, (start + row) * n + first));
  }
}

async function joinParts(
  task: InverseParts,
  start: number,
  end: number,
  depth: number,
  breathe: () => Promise<void> | undefined,
  multiply: AddProduct,
): Promise<void> {
  if (depth === 0) return;
  const middle = middleOf(start, end);
  await joinParts(task, start, middle, depth - 1, breathe, multiply);
  await joinParts(task, middle, end, depth - 1, breathe, multiply);
  const [rows, columns] = [middle - start, end - middle];
  for (const stage of [0, 1]) {
    const join = { ...task, start, middle, end, stage };
    const work = (rows * columns * (stage === 0 ? columns : rows)) / 2;
    runShared(multiply, 'inverse_join', joinInverse, join, columnRanges(middle, end), work);
    const pause = breathe();
    if (pause) await pause;
  }
}
