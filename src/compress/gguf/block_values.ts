/** @file A matrix in the blocks of a GGUF type, some rows at a time, so that a large one can be cancelled. */
import type { BlocksValues } from '../../models/packed/values.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { type EncodableType, encodeBlocks } from '../../tensor/quant/encode/encode.ts';

const CHUNK_ELEMENTS = 2 ** 18;

/**
 * @param W (rows, columns), columns a whole number of blocks.
 * @param importance (columns): how much an input's error counts; absent: all alike.
 */
export async function blockValues(
  W: Float64Array | Float32Array,
  rows: number,
  columns: number,
  dtype: EncodableType,
  importance: Float64Array | undefined,
  breathe: () => Promise<void>,
): Promise<BlocksValues> {
  const row = columns * bytesPerElement(dtype);
  const blocks = new Uint8Array(rows * row);
  const step = Math.max(1, Math.floor(CHUNK_ELEMENTS / columns));
  for (let start = 0; start < rows; start += step) {
    const end = Math.min(rows, start + step);
    blocks.set(encodeBlocks(W.subarray(start * columns, end * columns), dtype, columns, importance), start * row);
    await breathe();
  }
  return { packing: { kind: 'blocks', dtype }, rows, columns, blocks };
}
