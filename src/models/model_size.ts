/** @file How large a model is, from shapes alone. */
import { bytesPerElement } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { type DecoderModel, storedWeights, type WeightRef } from './decoder_model.ts';

/** Every element of every stored weight; a tied table counts once. */
export function countParameters(model: DecoderModel): number {
  return storedWeights(model).reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/** Bytes of the stored weights in their stored types. */
export function modelBytes(model: DecoderModel): number {
  return storedWeights(model).reduce((sum, ref) => sum + storedBytes(ref), 0);
}

/** Bytes of a weight in its stored type. */
export function storedBytes({ shape, dtype, stored }: WeightRef): number {
  return stored?.bytes ?? elementCount(shape) * bytesPerElement(dtype);
}

/** Stored types, most bytes first: "F16 + F32". */
export function describeDTypes(model: DecoderModel): string {
  const bytes = new Map<string, number>();
  for (const ref of storedWeights(model)) {
    const dtype = ref.stored?.dtype ?? ref.dtype;
    bytes.set(dtype, (bytes.get(dtype) ?? 0) + storedBytes(ref));
  }
  return [...bytes]
    .sort((a, b) => b[1] - a[1])
    .map(([dtype]) => dtype)
    .join(' + ');
}
