/**
 * @file Matrices larger than a device lets one buffer or one binding be: kept as blocks of rows, each a buffer of its own.
 * Products take them part by part (`matmul_family.ts`), row-wise kernels block by block (`split_kernels.ts`).
 */
import { elementCount, type Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../backend.ts';
import { asGpuTensor, type GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import { CUT } from './kernels/product_pieces.ts';

/** Rows `first … first + rows` of a matrix. */
export interface RowPart {
  first: number;
  rows: number;
  tensor: GpuTensor;
}

export class SplitTensor implements Tensor {
  readonly type = 'f32';

  constructor(
    readonly shape: Shape,
    readonly label: string,
    readonly parts: readonly RowPart[],
  ) {}

  dispose(): void {
    for (const { tensor } of this.parts) tensor.dispose();
  }
}

export function isSplit(tensor: Tensor | undefined): tensor is SplitTensor {
  return tensor instanceof SplitTensor;
}

/** Rows of a part, or undefined where a shape fits one buffer, or cannot be split so that its rows stay whole. */
export function rowsOfPart(shape: Shape, maxTensorBytes: number): number | undefined {
  if (shape.length !== 2 || elementCount(shape) * 4 <= maxTensorBytes) return undefined;
  const rows = Math.floor(maxTensorBytes / (4 * shape[1]) / CUT) * CUT;
  return rows > 0 ? rows : undefined;
}

/** Zero-filled, in one buffer or in parts. */
export function allocate(context: GpuContext, shape: Shape, label: string, maxTensorBytes: number) {
  const step = rowsOfPart(shape, maxTensorBytes);
  if (step === undefined) return context.tensor(shape, 'f32', label);
  const parts: RowPart[] = [];
  try {
    for (let first = 0; first < shape[0]; first += step) {
      const rows = Math.min(step, shape[0] - first);
      parts.push({ first, rows, tensor: context.tensor([rows, shape[1]], 'f32', `${label} (from row ${first})`) });
    }
  } catch (error) {
    for (const { tensor } of parts) tensor.dispose();
    throw error;
  }
  return new SplitTensor(shape, label, parts);
}

/** The parts of a tensor; a whole one is its own only part. */
export function rowParts(tensor: Tensor): { parts: readonly RowPart[] } {
  if (isSplit(tensor)) return tensor;
  return { parts: [{ first: 0, rows: tensor.shape[0] ?? 1, tensor: asGpuTensor(tensor) }] };
}

/** What a kernel binds to see element (row, column) of a matrix first; row and column are multiples of 64. */
export function window(
  { parts }: { parts: readonly RowPart[] },
  row: number,
  column: number,
  stride: number,
): GpuTensor {
  const part = parts.findLast(({ first }) => first <= row) as RowPart;
  return part.tensor.view(4 * ((row - part.first) * stride + column));
}

/** Bytes of some rows of a matrix, or all bytes of another tensor. */
export function rowsOf(bytes: Uint8Array, { first, rows }: RowPart, shape: Shape): Uint8Array {
  if (shape.length !== 2) return bytes;
  const rowBytes = bytes.byteLength / shape[0];
  return bytes.subarray(first * rowBytes, (first + rows) * rowBytes);
}
