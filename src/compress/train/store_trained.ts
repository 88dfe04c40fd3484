/** @file Linears with what their adapters learnt, stored as the linears before were: floats, sparse with the same mask, integers on the same grid. */
import type { WeightRef } from '../../models/decoder_model.ts';
import type { PackedValues } from '../../models/packed/values.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import type { Arena } from '../../runtime/arena.ts';
import { AdaptedLoader, type Adapter } from '../../runtime/backward/adapters.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import { storeChanged } from '../layerwise/store_changed.ts';
import type { Changed } from '../layerwise_types.ts';
import { onGrid } from './on_grid.ts';

/** @returns Each weight's successor. */
export async function storeTrained(
  arena: Arena,
  adapters: ReadonlyMap<WeightRef, Adapter>,
  scratch: ScratchStore,
  dtype: FloatType,
): Promise<Map<WeightRef, WeightRef>> {
  const loader = new AdaptedLoader(arena, adapters);
  const stored = new Map<WeightRef, WeightRef>();
  for (const ref of adapters.keys()) {
    const { weight } = await loader.linear({ weight: ref });
    const values = await arena.backend.read(weight);
    arena.free(weight);
    const packed = await ref.unpack?.();
    const changed = packed ? repacked(packed, values) : { values: Float64Array.from(values) };
    stored.set(ref, await storeChanged(scratch, ref.name, ref.shape, changed, dtype));
  }
  arena.freeWorkspace();
  return stored;
}

function repacked(packed: PackedValues, values: ArrayLike<number>): NonNullable<Changed> {
  if ('mask' in packed) return { ...packed, values: Float64Array.from(values) };
  if ('codes' in packed) return onGrid(packed, values);
  throw new RangeError(`a ${packed.packing.kind} weight was trained`);
}
