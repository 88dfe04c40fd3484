/**
 * @file Norm weights of ONNX exports whose family adds an offset to them (Gemma: 1 + γ). An exporter adds it once and
 * stores the sum; the canonical model has the weight and the offset apart, as the checkpoint of the family does.
 */
import type { Checkpoint, TensorInfo } from '../../formats/checkpoint.ts';
import { isDType, isFloatType } from '../../tensor/dtype.ts';
import { decodeToFloat32, encodeFromFloat } from '../../tensor/half.ts';

/**
 * The checkpoint with `offset` taken from each of the `folded` tensors, which become F32: adding it again gives exactly
 * the stored number, because their difference has no more digits than the stored number.
 */
export function withoutNormOffset(checkpoint: Checkpoint, folded: ReadonlySet<string>, offset: number): Checkpoint {
  if (offset === 0 || folded.size === 0) return checkpoint;
  const tensors = new Map<string, TensorInfo>();
  for (const [name, info] of checkpoint.tensors) {
    const changed = folded.has(name)
      ? { ...info, dtype: 'F32', bytes: info.shape.reduce((n, size) => n * size, 4) }
      : info;
    tensors.set(name, changed);
  }
  return {
    ...checkpoint,
    tensors,
    async read(name, rows) {
      const bytes = await checkpoint.read(name, rows);
      const dtype = checkpoint.tensors.get(name)?.dtype ?? '';
      if (!folded.has(name) || !isDType(dtype) || !isFloatType(dtype)) return bytes;
      return encodeFromFloat(
        decodeToFloat32(bytes, dtype).map((value) => value - offset),
        'F32',
      );
    },
  };
}
