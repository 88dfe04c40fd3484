/** @file Lanes of two vectors of four, put together so that adding the results adds neighbours. */
import { shuffle } from '../linalg/wasm_module.ts';

const fourBytes = (lane: number) => [0, 1, 2, 3].map((byte) => 4 * lane + byte);

export const evenLanes = shuffle([0, 2, 4, 6].flatMap(fourBytes));
export const oddLanes = shuffle([1, 3, 5, 7].flatMap(fourBytes));
