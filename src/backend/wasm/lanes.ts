/** @file Lanes of two vectors put together: so that adding the results adds neighbours, and in turn. */
import { shuffle } from '../linalg/wasm_module.ts';

const fourBytes = (lane: number) => [0, 1, 2, 3].map((byte) => 4 * lane + byte);

export const evenLanes = shuffle([0, 2, 4, 6].flatMap(fourBytes));
export const oddLanes = shuffle([1, 3, 5, 7].flatMap(fourBytes));

/** Puts the low, or high, halves of two vectors together, so many bytes from one and so many from the other in turn. */
export const interleaved = (half: 0 | 1, bytes: number) =>
  shuffle(
    Array.from(
      { length: 16 },
      (_, i) => 8 * half + Math.floor(i / (2 * bytes)) * bytes + (i % bytes) + (i % (2 * bytes) < bytes ? 0 : 16),
    ),
  );
