/** @file Weights as ONNX initialisers whose bytes are read and, for MatMul, transposed only while they are written. */
import type { DataType, Initializer } from '../../formats/onnx/model.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import { bytesPerElement, type FloatType, isFloatType } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';

/** `transposed` turns a linear's (out, in) into the (in, out) of MatMul. */
export type Layout = 'as_stored' | 'transposed';

const DATA_TYPE_OF: Record<FloatType, DataType> = { F32: 'FLOAT', F16: 'FLOAT16', BF16: 'BFLOAT16' };

const CHUNK_BYTES = 4 * 2 ** 20;

/** @param ref In a float type: `quantizedModel` leaves no other. */
export function weightInitializer(ref: WeightRef, name: string, layout: Layout): Initializer {
  if (!isFloatType(ref.dtype)) throw new RangeError(`${name}: ONNX has no type for ${ref.dtype}.`);
  const data_type = DATA_TYPE_OF[ref.dtype];
  if (layout === 'as_stored') return { name, data_type, dims: ref.shape, chunks: () => rowChunks(ref) };
  const [rows, columns] = ref.shape;
  return { name, data_type, dims: [columns, rows], chunks: () => transposedChunks(ref) };
}

/** Blocks of whole rows: an embedding table is never whole in memory. */
async function* rowChunks(ref: WeightRef): AsyncIterable<Uint8Array> {
  const rows = ref.shape[0] ?? 1;
  const rowBytes = (elementCount(ref.shape) / rows) * bytesPerElement(ref.dtype);
  const step = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
  for (let start = 0; start < rows; start += step) {
    yield await ref.read({ start, end: Math.min(rows, start + step) });
  }
}

/** The matrix (one, whole) in memory, its transpose in bands. */
async function* transposedChunks(ref: WeightRef): AsyncIterable<Uint8Array> {
  const [rows, columns] = ref.shape;
  const size = bytesPerElement(ref.dtype);
  const bytes = await ref.read();
  // Typed views need alignment; a ranged read may hand out any offset.
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const View = size === 2 ? Uint16Array : Uint32Array;
  const source = new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, rows * columns);
  const step = Math.max(1, Math.floor(CHUNK_BYTES / (rows * size)));
  const taken = takeBand(Math.min(step, columns) * rows * size);
  try {
    for (let start = 0; start < columns; start += step) {
      const count = Math.min(step, columns - start);
      const band = new View(taken, 0, count * rows);
      for (let row = 0; row < rows; row++) {
        const from = row * columns + start;
        for (let column = 0; column < count; column++) band[column * rows + row] = source[from + column];
      }
      yield new Uint8Array(taken, 0, band.byteLength);
    }
  } finally {
    spare = taken;
  }
}

/** Of bands that are written: a chunk is consumed when the next is asked for, and pages of a new array cost as much as filling it. */
let spare: ArrayBuffer | undefined;

function takeBand(bytes: number): ArrayBuffer {
  const taken = spare;
  spare = undefined;
  return taken && taken.byteLength >= bytes ? taken : new ArrayBuffer(Math.max(bytes, CHUNK_BYTES));
}
