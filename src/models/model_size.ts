/** @file How large a model is, from shapes alone. */
import { bytesPerElement } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { type ModelOutline, storedWeights, type WeightOutline } from './decoder_model.ts';
import { inputBytes, inputLabels, linearsOf } from './input_quantization.ts';
import { comparableBytes, packedBytes, packedElements, packingLabel } from './packed/packing.ts';

/** Every number of every stored weight; a tied table counts once, and of a pruned matrix what is kept. */
export function countParameters(model: ModelOutline): number {
  return storedWeights(model).reduce((sum, weight) => sum + storedElements(weight), 0);
}

/** Numbers that a weight stores. */
export function storedElements({ shape, packed }: WeightOutline): number {
  return packed ? packedElements(shape, packed) : elementCount(shape);
}

/**
 * Bytes with packed weights as they are packed and every float as float16: what models and methods are compared by, whatever
 * the file at hand happens to hold its floats in.
 */
export function packedModelBytes(model: ModelOutline): number {
  return storedWeights(model).reduce((sum, weight) => sum + packedWeightBytes(weight), 0) + allInputBytes(model);
}

/** Of the grids on which linears round their inputs. */
export function allInputBytes({ layers }: Pick<ModelOutline, 'layers'>): number {
  const linears = layers.flatMap(linearsOf);
  return linears.reduce((sum, { weight, input }) => sum + (input ? inputBytes(input, weight.shape[1]) : 0), 0);
}

export function packedWeightBytes({ shape, packed }: WeightOutline): number {
  return packed ? comparableBytes(shape, packed) : 2 * elementCount(shape);
}

/** Bytes of the stored weights in their stored types. */
export function modelBytes(model: ModelOutline): number {
  return storedWeights(model).reduce((sum, ref) => sum + storedBytes(ref), 0) + allInputBytes(model);
}

/** Bytes of a weight in its stored type. */
export function storedBytes({ shape, dtype, stored, packed }: WeightOutline): number {
  if (packed) return packedBytes(shape, packed);
  return stored?.bytes ?? elementCount(shape) * bytesPerElement(dtype);
}

/** Stored types, most bytes first: "F16 + F32". */
export function describeDTypes(model: ModelOutline): string {
  const bytes = new Map<string, number>();
  for (const ref of storedWeights(model)) {
    const dtype = ref.packed ? packingLabel(ref.packed) : (ref.stored?.dtype ?? ref.dtype);
    bytes.set(dtype, (bytes.get(dtype) ?? 0) + storedBytes(ref));
  }
  const types = [...bytes]
    .sort((a, b) => b[1] - a[1])
    .map(([dtype]) => dtype)
    .join(' + ');
  const inputs = inputLabels(model);
  return inputs.length > 0 ? `${types}, inputs ${inputs.join(' and ')}` : types;
}
