/** @file A model with some weights shifted, for finite differences: everything else, ties and shared parts too, stays as it is. */
import type { DecoderModel, WeightRef } from '../../src/models/decoder_model.ts';
import { decodeStored } from '../../src/tensor/decode.ts';
import { elementCount } from '../../src/tensor/shape.ts';

/** What is added to each element of a weight. */
export type Shift = (ref: WeightRef) => Float64Array | undefined;

/** Shifts should be exact in f32: a power of two that is far above the last place of the weights. */
export function perturbed(model: DecoderModel, shift: Shift): DecoderModel {
  const known = new Map<object, unknown>();
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const found = known.get(value);
    if (found) return found;
    if ('read' in value) {
      const made = shifted(value as WeightRef, shift);
      known.set(value, made);
      return made;
    }
    if (Array.isArray(value)) return value.map(copy);
    const made: Record<string, unknown> = {};
    known.set(value, made);
    for (const [name, part] of Object.entries(value)) made[name] = copy(part);
    return made;
  };
  return copy(model) as DecoderModel;
}

function shifted(ref: WeightRef, shift: Shift): WeightRef {
  const added = shift(ref);
  if (!added) return ref;
  const row = elementCount(ref.shape) / ref.shape[0];
  return {
    name: ref.name,
    shape: ref.shape,
    dtype: 'F32',
    async read(rows = { start: 0, end: ref.shape[0] }) {
      const values = decodeStored(await ref.read(rows), ref.dtype);
      const moved = Float32Array.from(values, (value, i) => value + added[rows.start * row + i]);
      return new Uint8Array(moved.buffer);
    },
  };
}
