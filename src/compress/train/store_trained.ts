/** @file Linears with what they learnt, stored as the linears before were, or as the method says: floats, sparse with the same mask, integers. */
import type { WeightRef } from '../../models/decoder_model.ts';
import { groupsOf } from '../../models/packed/packing.ts';
import type { GroupedValues, PackedValues } from '../../models/packed/values.ts';
import type { ScratchStore } from '../../models/scratch.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { TrainedScales } from '../../runtime/backward/scales.ts';
import { TrainedLoader } from '../../runtime/backward/trained_loader.ts';
import type { FloatType } from '../../tensor/dtype.ts';
import { storeChanged, storeWhole } from '../layerwise/store_changed.ts';
import type { Changed } from '../layerwise_types.ts';
import { toHalf } from '../solvers/grid.ts';
import type { Learning } from './learning.ts';
import type { Trainable } from './linears.ts';
import { onGrid } from './on_grid.ts';

/** @returns Each weight's successor. */
export async function storeTrained(
  arena: Arena,
  { adapters, whole }: Trainable,
  { hold }: Pick<Learning, 'hold'>,
  scratch: ScratchStore,
  dtype: FloatType,
): Promise<Map<WeightRef, WeightRef>> {
  const loader = new TrainedLoader(arena, adapters);
  const stored = new Map<WeightRef, WeightRef>();
  for (const [ref, trained] of adapters) {
    if (trained.kind === 'scales') {
      stored.set(ref, await storeChanged(scratch, ref.name, ref.shape, await scaledValues(arena, trained), dtype));
      continue;
    }
    const { weight, kept } = await loader.linear({ weight: ref });
    const packed = hold ? undefined : await ref.unpack?.();
    // Floats become halves on the device's threads, where it has a way.
    const isHalf = !hold && !packed && dtype === 'F16';
    const halves = isHalf ? arena.backend.readHalves?.(weight) : undefined;
    const values = halves ? undefined : new Float64Array(await arena.backend.read(weight));
    arena.free(weight, kept);
    if (halves) stored.set(ref, await storeWhole(scratch, ref.name, ref.shape, halves, dtype));
    if (!values) continue;
    const changed = hold?.(ref, values, trained) ?? (packed ? repacked(packed, values) : { values });
    stored.set(ref, await storeChanged(scratch, ref.name, ref.shape, changed, dtype));
  }
  for (const [ref, tensor] of whole) {
    const values = new Float64Array(await arena.backend.read(tensor));
    stored.set(ref, await storeChanged(scratch, ref.name, ref.shape, { values }, dtype));
  }
  arena.freeWorkspace();
  return stored;
}

function repacked(packed: PackedValues, values: Float64Array): NonNullable<Changed> {
  if ('mask' in packed) return { ...packed, values };
  if ('codes' in packed) return onGrid(packed, values);
  throw new RangeError(`a ${packed.packing.kind} weight was trained`);
}

/** The same codes with the scales, and minimums, as they are now, in the type that the packing has for them. */
async function scaledValues(arena: Arena, trained: TrainedScales): Promise<GroupedValues> {
  const values = await trained.codes();
  const { packing, rows, columns } = values;
  const numbers = async (tensor: TrainedScales['scales'], round: (value: number) => number) =>
    Float64Array.from(await arena.backend.read(tensor), round);
  const count = rows * groupsOf(packing, columns);
  const scales = await numbers(trained.scales, packing.scale === 'F16' ? toHalf : Math.fround);
  if (scales.length !== count) throw new RangeError(`${scales.length} scales of ${count}`);
  return { ...values, scales, ...(trained.minimums && { zeros: await numbers(trained.minimums, toHalf) }) };
}
