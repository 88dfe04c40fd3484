/**
 * @file Matrices with two of every four inputs stored, on the device, in one buffer and in their bytes: values, then places.
 * shaders/common/sparse_2_4.wgsl reads them.
 */
import type { SparseMatrix, Tensor } from '../backend.ts';
import { GpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';

/** What kernels are told of such a matrix; places are in words. */
export interface SparseLayout {
  readonly params: { readonly places_at: number };
  readonly overrides: { readonly VALUES_F32: number };
}

const layouts = new WeakMap<Tensor, SparseLayout>();

/** Undefined where rows are no whole fours, or the matrix exceeds a buffer of the adapter: it is then held as floats. */
export function packSparse(context: GpuContext, matrix: SparseMatrix, label: string, maxTensorBytes: number) {
  const { rows, columns, floats, values, places } = matrix;
  if (columns % 4 !== 0) return undefined;
  const places_at = (rows * columns) / (floats === 'F16' ? 4 : 2);
  const length = places_at + Math.ceil((rows * columns) / 32);
  if (4 * length > maxTensorBytes) return undefined;
  const bytes = new Uint8Array(4 * length);
  bytes.set(values.subarray(0, 4 * places_at));
  bytes.set(places.subarray(0, 4 * (length - places_at)), 4 * places_at);
  const words = context.tensor([length], 'u32', label);
  context.upload(words, bytes);
  const { buffer, id } = words;
  const tensor = new GpuTensor(buffer, id, [rows, columns], 'packed', label, () => words.dispose());
  layouts.set(tensor, { params: { places_at }, overrides: { VALUES_F32: floats === 'F32' ? 1 : 0 } });
  return tensor;
}

/** Undefined of a tensor that is held in another way. */
export function sparseLayout(tensor: Tensor): SparseLayout | undefined {
  return layouts.get(tensor);
}
