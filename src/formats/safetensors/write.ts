/** @file Writes safetensors as a stream: the header, then each tensor in the given order. */
import { WhittleError } from '../../errors/errors.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import { DTYPE_BITS } from './dtypes.ts';

export interface TensorToWrite {
  name: string;
  /** A name that safetensors knows, such as `F16`. */
  dtype: string;
  shape: Shape;
  /** Little-endian bytes, row-major, in pieces of any size; read once, when its turn comes. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * The file as consecutive chunks. The header is padded with spaces so that data starts at a multiple of 8.
 * Throws `export_failed` when a tensor yields another number of bytes than its shape and dtype need.
 */
export async function* writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): AsyncGenerator<Uint8Array> {
  yield safetensorsHeader(tensors, metadata);
  for (const tensor of tensors) {
    const expected = byteLength(tensor);
    let written = 0;
    for await (const chunk of tensor.chunks()) {
      written += chunk.byteLength;
      yield chunk;
    }
    if (written !== expected) {
      throw failed(tensor.name, `Tensor "${tensor.name}" gave ${written} bytes, but its shape needs ${expected}.`);
    }
  }
}

/** Length prefix and JSON header. Throws `export_failed` for a repeated name or an unknown dtype. */
export function safetensorsHeader(
  tensors: readonly Omit<TensorToWrite, 'chunks'>[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) entries.set('__metadata__', metadata);
  let offset = 0;
  for (const tensor of tensors) {
    if (entries.has(tensor.name)) throw failed(tensor.name, `Tensor "${tensor.name}" is given twice.`);
    const end = offset + byteLength(tensor);
    entries.set(tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

function byteLength({ name, dtype, shape }: Omit<TensorToWrite, 'chunks'>): number {
  const bits = DTYPE_BITS.get(dtype);
  if (bits === undefined) throw failed(name, `The dtype "${dtype}" is unknown.`);
  return (elementCount(shape) * bits) / 8;
}

function failed(tensor: string, message: string): WhittleError {
  return new WhittleError({ code: 'export_failed', message, place: { tensor } });
}
