/** @file Weights → safetensors files: one, or shards of limited size with the index that Hugging Face tools read. */
import { DTYPE_BITS } from '../../formats/safetensors/dtypes.ts';
import type { TensorToWrite } from '../../formats/safetensors/write.ts';
import type { WeightRef } from '../../models/decoder_model.ts';
import { viewOf } from '../../models/weight_views.ts';
import { bytesPerElement } from '../../tensor/dtype.ts';
import { elementCount } from '../../tensor/shape.ts';

export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** Bytes read at a time. */
const CHUNK_BYTES = 4 * 2 ** 20;

export interface Shard {
  readonly file: string;
  readonly weights: readonly TensorToWrite[];
}

export function weightBytes({ shape, dtype }: WeightRef): number {
  return elementCount(shape) * bytesPerElement(dtype);
}

export function tensorBytes({ shape, dtype }: TensorToWrite): number {
  return (elementCount(shape) * (DTYPE_BITS.get(dtype) ?? 0)) / 8;
}

/** Weights in their order; a shard holds at most `most` bytes, or one weight that is larger. */
export function shardsOf(tensors: readonly TensorToWrite[], most: number): Shard[] {
  const parts: TensorToWrite[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const own = tensorBytes(tensor);
    if (bytes > 0 && bytes + own > most) {
      parts.push([]);
      bytes = 0;
    }
    parts[parts.length - 1].push(tensor);
    bytes += own;
  }
  const number = (value: number) => String(value).padStart(5, '0');
  return parts.map((weights, i) => ({
    file: parts.length === 1 ? WEIGHTS_FILE : `model-${number(i + 1)}-of-${number(parts.length)}.safetensors`,
    weights,
  }));
}

/** What INDEX_FILE holds. */
export function shardIndex(shards: readonly Shard[]) {
  const weights = shards.flatMap((shard) => shard.weights);
  return {
    metadata: { total_size: weights.reduce((sum, tensor) => sum + tensorBytes(tensor), 0) },
    weight_map: Object.fromEntries(shards.flatMap(({ file, weights: own }) => own.map(({ name }) => [name, file]))),
  };
}

/** A weight as safetensors stores it, read some rows at a time. */
export function tensorToWrite(ref: WeightRef, name: string): TensorToWrite {
  const { shape, dtype } = ref;
  const rows = shape[0] ?? 1;
  // A transposed matrix is made whole whatever is asked for: once, then.
  const is_turned = viewOf(ref)?.kind === 'transposed';
  const step = is_turned ? rows : Math.max(1, Math.floor((CHUNK_BYTES * rows) / weightBytes(ref)));
  async function* chunks() {
    for (let start = 0; start < rows; start += step) {
      yield await ref.read({ start, end: Math.min(rows, start + step) });
    }
  }
  return { name, dtype, shape, chunks };
}
