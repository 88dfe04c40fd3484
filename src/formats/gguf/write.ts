/**
 * @file Writes GGUF version 3 as a stream: header, metadata, tensor infos, then each tensor in the given order, padded
 * to the alignment. Source: the GGUF specification.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Shape } from '../../tensor/shape.ts';
import {
  blockOfType,
  DEFAULT_ALIGNMENT,
  GGUF_MAGIC,
  MAX_TENSOR_DIMENSIONS,
  MAX_TENSOR_NAME_BYTES,
  type ScalarType,
  TENSOR_TYPES,
  VALUE_BYTES,
  VALUE_TYPES,
  type ValueType,
} from './types.ts';

export type ScalarToWrite = number | bigint | boolean | string;

/** A metadata value with the type that it gets in the file. */
export type ValueToWrite =
  | { type: ScalarType; value: ScalarToWrite }
  | { type: 'array'; of: ScalarType; values: readonly ScalarToWrite[] };

export interface GgufTensorToWrite {
  name: string;
  /** A name that GGUF knows, such as `Q8_0`. */
  type: string;
  /** Row-major, outermost first; written in GGUF's order, the reverse. */
  shape: Shape;
  /** Stored bytes in pieces of any size; read once, when its turn comes. */
  chunks(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const TYPE_NUMBERS = new Map([...TENSOR_TYPES].map(([number, name]) => [name, number]));

/**
 * The file as consecutive chunks. `general.alignment` of the metadata is obeyed.
 * Throws `export_failed` when a tensor yields another number of bytes than its shape and type need.
 */
export async function* writeGguf(
  metadata: ReadonlyMap<string, ValueToWrite>,
  tensors: readonly GgufTensorToWrite[],
): AsyncGenerator<Uint8Array> {
  const alignment = alignmentOf(metadata);
  yield ggufHeader(metadata, tensors);
  for (const tensor of tensors) {
    const expected = tensorBytes(tensor);
    let written = 0;
    for await (const chunk of tensor.chunks()) {
      written += chunk.byteLength;
      yield chunk;
    }
    if (written !== expected) {
      throw failed(`Tensor "${tensor.name}" gave ${written} bytes, but its shape needs ${expected}.`, tensor.name);
    }
    if (written % alignment !== 0) yield new Uint8Array(alignment - (written % alignment));
  }
}

/** Everything before the first tensor's bytes, padding included. Throws `export_failed`. */
export function ggufHeader(
  metadata: ReadonlyMap<string, ValueToWrite>,
  tensors: readonly Omit<GgufTensorToWrite, 'chunks'>[],
): Uint8Array {
  const alignment = alignmentOf(metadata);
  const out = new Bytes();
  out.raw(new TextEncoder().encode(GGUF_MAGIC));
  out.number('uint32', 3);
  out.number('uint64', tensors.length);
  out.number('uint64', metadata.size);
  for (const [key, value] of metadata) {
    out.text(key);
    writeValue(out, value);
  }
  const names = new Set<string>();
  let offset = 0;
  for (const tensor of tensors) {
    checkTensor(tensor, names);
    out.text(tensor.name);
    out.number('uint32', tensor.shape.length);
    for (const size of tensor.shape.toReversed()) out.number('uint64', size);
    out.number('uint32', TYPE_NUMBERS.get(tensor.type)!);
    out.number('uint64', offset);
    offset += Math.ceil(tensorBytes(tensor) / alignment) * alignment;
  }
  out.pad(alignment);
  return out.bytes();
}

function checkTensor({ name, type, shape }: Omit<GgufTensorToWrite, 'chunks'>, names: Set<string>): void {
  if (names.has(name)) throw failed(`Tensor "${name}" is given twice.`, name);
  names.add(name);
  const length = new TextEncoder().encode(name).length;
  if (length === 0 || length >= MAX_TENSOR_NAME_BYTES) throw failed(`The name "${name}" has ${length} bytes.`, name);
  if (!TYPE_NUMBERS.has(type)) throw failed(`GGUF has no tensor type "${type}".`, name);
  if (shape.length < 1 || shape.length > MAX_TENSOR_DIMENSIONS) {
    throw failed(`Tensor "${name}" has ${shape.length} dimensions.`, name);
  }
  const { elements } = blockOfType(type);
  const row = shape[shape.length - 1];
  if (row % elements !== 0)
    throw failed(`A row of "${name}" has ${row} elements, ${type} needs blocks of ${elements}.`, name);
}

function tensorBytes({ type, shape }: Omit<GgufTensorToWrite, 'chunks'>): number {
  const { elements, bytes } = blockOfType(type);
  return (shape.reduce((product, size) => product * size, 1) / elements) * bytes;
}

function alignmentOf(metadata: ReadonlyMap<string, ValueToWrite>): number {
  const value = metadata.get('general.alignment');
  return value && value.type !== 'array' ? Number(value.value) : DEFAULT_ALIGNMENT;
}

function writeValue(out: Bytes, value: ValueToWrite): void {
  out.number('uint32', typeNumber(value.type));
  if (value.type !== 'array') {
    out.scalar(value.type, value.value);
    return;
  }
  out.number('uint32', typeNumber(value.of));
  out.number('uint64', value.values.length);
  for (const entry of value.values) out.scalar(value.of, entry);
}

function typeNumber(type: ValueType): number {
  return VALUE_TYPES.indexOf(type);
}

/** A growing buffer of little-endian values. */
class Bytes {
  private buffer = new Uint8Array(4096);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  scalar(type: ScalarType, value: ScalarToWrite): void {
    if (type === 'string') this.text(String(value));
    else if (type === 'bool') this.number('uint8', value ? 1 : 0);
    else this.number(type, value as number | bigint);
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.number('uint64', bytes.length);
    this.raw(bytes);
  }

  number(type: Exclude<ScalarType, 'string' | 'bool'>, value: number | bigint): void {
    const at = this.reserve(VALUE_BYTES[type]);
    const { view } = this;
    if (type === 'uint64') view.setBigUint64(at, BigInt(value), true);
    else if (type === 'int64') view.setBigInt64(at, BigInt(value), true);
    else if (type === 'float32') view.setFloat32(at, Number(value), true);
    else if (type === 'float64') view.setFloat64(at, Number(value), true);
    else if (VALUE_BYTES[type] === 4) view.setUint32(at, Number(value), true);
    else if (VALUE_BYTES[type] === 2) view.setUint16(at, Number(value), true);
    else view.setUint8(at, Number(value));
  }

  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
  }

  pad(alignment: number): void {
    this.reserve((alignment - (this.length % alignment)) % alignment);
  }

  bytes(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  private reserve(count: number): number {
    const start = this.length;
    this.length += count;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, this.buffer.length * 2));
      grown.set(this.buffer.subarray(0, start));
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    return start;
  }
}

function failed(message: string, tensor: string): WhittleError {
  return new WhittleError({ code: 'export_failed', message, place: { tensor } });
}
