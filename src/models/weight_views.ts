/**
 * @file Weights that are part of a stored tensor, or stored in another order: rows of a fused projection, rows in
 * another sequence, a transposed matrix. Each is a {@link WeightRef} of its own that reads what it needs.
 */
import type { RowRange } from '../formats/checkpoint.ts';
import { decodeStored } from '../tensor/decode.ts';
import { bytesPerElement, type DType, isFloatType } from '../tensor/dtype.ts';
import { encodeFromFloat } from '../tensor/half.ts';
import { elementCount } from '../tensor/shape.ts';
import type { WeightRef } from './decoder_model.ts';

function rowBytes({ shape, dtype }: WeightRef): number {
  return (elementCount(shape) / (shape[0] || 1)) * bytesPerElement(dtype);
}

/** Share of what the file holds, for a view of `rows` rows. */
function storedShare(ref: WeightRef, rows: number): Pick<WeightRef, 'stored'> {
  if (!ref.stored) return {};
  return { stored: { dtype: ref.stored.dtype, bytes: (ref.stored.bytes * rows) / (ref.shape[0] || 1) } };
}

/** Rows `start … end` of a weight: one projection of a fused matrix, or of its bias. */
export function rowsOf(ref: WeightRef, start: number, end: number, name: string): WeightRef {
  return {
    name,
    dtype: ref.dtype,
    shape: [end - start, ...ref.shape.slice(1)],
    ...storedShare(ref, end - start),
    read: (rows = { start: 0, end: end - start }) => ref.read({ start: start + rows.start, end: start + rows.end }),
  };
}

/**
 * Rows of a weight in another order: row i is row `source(i)` of the stored tensor, `count` rows in all. Runs of
 * consecutive rows are read at once.
 */
export function gatherRows(ref: WeightRef, count: number, source: (row: number) => number, name: string): WeightRef {
  const bytes = rowBytes(ref);
  return {
    name,
    dtype: ref.dtype,
    shape: [count, ...ref.shape.slice(1)],
    ...storedShare(ref, count),
    async read(rows: RowRange = { start: 0, end: count }) {
      const out = new Uint8Array((rows.end - rows.start) * bytes);
      // A row wanted here may lie anywhere in the tensor, but all of them together in one stretch, mostly.
      const wanted = Array.from({ length: rows.end - rows.start }, (_, i) => source(rows.start + i));
      for (let first = 0; first < wanted.length; ) {
        let last = first;
        while (last + 1 < wanted.length && wanted[last + 1] === wanted[last] + 1) last++;
        const block = await ref.read({ start: wanted[first], end: wanted[last] + 1 });
        out.set(block, first * bytes);
        first = last + 1;
      }
      return out;
    },
  };
}

/** A matrix stored as (in, out), as (out, in): GPT-2's Conv1D, and the weights of an ONNX MatMul. Reads it whole. */
export function transposedRef(ref: WeightRef, name: string): WeightRef {
  const [rows, columns] = ref.shape;
  if (!isFloatType(ref.dtype))
    throw new RangeError(`${ref.name}: a ${ref.dtype} matrix cannot be transposed as stored`);
  const size = bytesPerElement(ref.dtype);
  return {
    name,
    dtype: ref.dtype,
    shape: [columns, rows],
    ...(ref.stored && { stored: ref.stored }),
    async read(range: RowRange = { start: 0, end: columns }) {
      const bytes = await ref.read();
      const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
      const View = size === 2 ? Uint16Array : Uint32Array;
      const source = new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, rows * columns);
      const out = new View((range.end - range.start) * rows);
      for (let row = 0; row < rows; row++) {
        const from = row * columns;
        for (let i = range.start; i < range.end; i++) out[(i - range.start) * rows + row] = source[from + i];
      }
      return new Uint8Array(out.buffer);
    },
  };
}

/** The same numbers in a float type: what an export stores of a block-quantised weight. Reads row by row as asked. */
export function asFloatType(ref: WeightRef, dtype: DType & ('F32' | 'F16' | 'BF16')): WeightRef {
  if (ref.dtype === dtype && !ref.stored) return ref;
  return {
    name: ref.name,
    dtype,
    shape: ref.shape,
    read: async (rows) => encodeFromFloat(decodeStored(await ref.read(rows), ref.dtype), dtype),
  };
}
