/**
 * @file A weight that the graph stores as whole numbers, as the float tensor that its operator makes of them: everything that
 * looks for weights sees an initialiser, and reading it decodes rows.
 */
import type { RowRange } from '../../checkpoint.ts';
import type { StoredIntegers } from '../../integers.ts';
import type { StoredTensor } from '../read_tensor.ts';

/** Bytes of a stored tensor. */
export type ReadTensor = (tensor: StoredTensor, start: number, length: number) => Promise<Uint8Array>;

export interface Decoder {
  /** As sizes and labels show it. */
  readonly label: string;
  /** Of all stored parts. */
  readonly bytes: number;
  /** F32 of rows of the first dimension. */
  rows(range: RowRange, read: ReadTensor): Promise<Float32Array>;
  /** Where rows are rows of codes. */
  integers?(read: ReadTensor): StoredIntegers;
}

export interface VirtualTensor extends StoredTensor {
  readonly decoder: Decoder;
  /** The stored tensors that it is made of; the first says where it lies. */
  readonly parts: readonly StoredTensor[];
  /** A linear (out, in) because its operator takes it so, whatever layout the state dict has. */
  readonly is_out_in?: boolean;
}

export function virtualTensor(
  name: string,
  dims: readonly number[],
  parts: readonly StoredTensor[],
  decoder: Omit<Decoder, 'bytes'>,
): VirtualTensor {
  const elements = dims.reduce((product, size) => product * size, 1);
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const type = { name: 'FLOAT', bits: 32 };
  return { name, type, dims, elements, bytes, location: { kind: 'none' }, decoder: { ...decoder, bytes }, parts };
}

export function isVirtual(tensor: StoredTensor): tensor is VirtualTensor {
  return 'decoder' in tensor;
}
