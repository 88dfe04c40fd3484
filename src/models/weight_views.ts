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

/** The matrix that was turned last, until its last row is read: one at most, however many views there are. */
let turned: { view: object; bytes: Promise<Uint8Array> } | undefined;

/**
 * A matrix stored as (in, out), as (out, in): GPT-2's Conv1D, and the weights of an ONNX MatMul. Reads it whole, once for
 * rows that are asked for in blocks up to the last.
 */
export function transposedRef(ref: WeightRef, name: string): WeightRef {
  const [rows, columns] = ref.shape;
  if (!isFloatType(ref.dtype))
    throw new RangeError(`${ref.name}: a ${ref.dtype} matrix cannot be transposed as stored`);
  const view: WeightRef = {
    name,
    dtype: ref.dtype,
    shape: [columns, rows],
    ...(ref.stored && { stored: ref.stored }),
    async read({ start, end }: RowRange = { start: 0, end: columns }) {
      if (turned?.view !== view) {
        const bytes = readTurned(ref);
        // Other matrices that are read whole leave the one that is read in blocks where it is.
        if (start === 0 && end === columns) return bytes;
        turned = { view, bytes };
      }
      const { bytes } = turned;
      if (end === columns) turned = undefined;
      const rowBytes = rows * bytesPerElement(ref.dtype);
      try {
        return (await bytes).slice(start * rowBytes, end * rowBytes);
      } catch (cause) {
        turned = undefined;
        throw cause;
      }
    },
  };
  return view;
}

async function readTurned(ref: WeightRef): Promise<Uint8Array> {
  const [rows, columns] = ref.shape;
  const size = bytesPerElement(ref.dtype);
  const bytes = await ref.read();
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const View = size === 2 ? Uint16Array : Uint32Array;
  const source = new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, rows * columns);
  const out = new View(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    for (let i = 0; i < columns; i++) out[i * rows + row] = source[from + i];
  }
  return new Uint8Array(out.buffer);
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
