/** @file Tensors in a scratch store, exactly as a backend holds them, to be found again by another engine. */
import type { Tensor } from '../backend/backend.ts';
import type { StoredPlace } from '../models/record/origin.ts';
import type { ScratchSlot, ScratchStore } from '../models/scratch.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Arena } from './arena.ts';

/** JSON. */
export interface SavedTensor {
  readonly place: StoredPlace;
  readonly shape: Shape;
  readonly label: string;
  readonly isDouble: boolean;
}

/** @returns Undefined where the store keeps no names. */
export async function saveTensor(
  arena: Arena,
  tensor: Tensor,
  scratch: ScratchStore,
): Promise<SavedTensor | undefined> {
  const values = await arena.backend.read(tensor);
  const { place } = await scratch.append(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return place && { place, shape: tensor.shape, label: tensor.label, isDouble: values instanceof Float64Array };
}

export async function loadTensor(
  arena: Arena,
  { place, shape, label, isDouble }: SavedTensor,
  find: (place: StoredPlace) => ScratchSlot,
): Promise<Tensor> {
  // A copy: what the store gives may not begin on a whole number.
  const bytes = (await find(place).read(0, place.bytes)).slice();
  const values = isDouble ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  return arena.own(arena.backend.fromArray(values, shape, label));
}
