/** @file What a method made of a linear → a stored weight. */
import type { WeightRef } from '../../models/decoder_model.ts';
import { storePacked } from '../../models/packed/store.ts';
import { type ScratchStore, scratchWeight } from '../../models/scratch.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import { encodeFromFloat, fitInHalf } from '../../tensor/half.ts';
import type { Changed } from '../layerwise_types.ts';

/** @param dtype Of dense numbers; what overflows F16 is stored as F32. */
export async function storeChanged(
  scratch: ScratchStore,
  name: string,
  shape: readonly number[],
  changed: NonNullable<Changed>,
  dtype: FloatType,
): Promise<WeightRef> {
  if ('packing' in changed) return storePacked(scratch, name, changed);
  const { values } = changed;
  const stored = dtype === 'F16' && !fitInHalf(values) ? 'F32' : dtype;
  return storeWhole(scratch, name, shape, encodeFromFloat(values, stored), stored);
}

/** A weight's bytes as one block. */
export async function storeWhole(
  scratch: ScratchStore,
  name: string,
  shape: readonly number[],
  bytes: Uint8Array,
  dtype: FloatType,
): Promise<WeightRef> {
  const slot = await scratch.append(bytes);
  return scratchWeight(name, dtype, shape, [{ rows: { start: 0, end: shape[0] }, slot }]);
}
