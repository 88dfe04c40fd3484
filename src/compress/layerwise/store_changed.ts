/** @file What a method made of a linear → a stored weight. */
import type { WeightRef } from '../../models/decoder_model.ts';
import { storePacked } from '../../models/packed/store.ts';
import { type ScratchStore, scratchWeight } from '../../models/scratch.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import type { Changed } from '../layerwise_types.ts';

const F16_LIMIT = 65520;

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
  const stored = dtype === 'F16' && values.some((value) => !(Math.abs(value) < F16_LIMIT)) ? 'F32' : dtype;
  const slot = await scratch.append(encodeFromFloat(values, stored));
  return scratchWeight(name, stored, shape, [{ rows: { start: 0, end: shape[0] }, slot }]);
}
