/** @file Packed matrices in a scratch store: a {@link WeightRef} that reads dense numbers, and its packed parts on request. */
import { WhittleError } from '../../errors/errors.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { WeightRef } from '../decoder_model.ts';
import type { ScratchStore } from '../scratch.ts';
import { dense } from './dense.ts';
import { type Packing, packedBytes, packedDType, packedStorage, packingLabel } from './packing.ts';
import { joinParts, type PartReader, splitParts } from './parts.ts';
import type { PackedValues } from './values.ts';

/** Stores a packed matrix part by part. Throws `storage_full`, and `limit_exceeded` naming the weight. */
export async function storePacked(scratch: ScratchStore, name: string, values: PackedValues): Promise<WeightRef> {
  const { packing, rows, columns } = values;
  const slots = new Map<string, { bytes: number; read(start: number, length: number): Promise<Uint8Array> }>();
  let total = 0;
  for (const [part, bytes] of partsOf(name, values)) {
    slots.set(part, await scratch.append(bytes));
    total += bytes.byteLength;
  }
  const planned = packedBytes([rows, columns], packing);
  if (total !== planned) {
    throw new WhittleError({
      code: 'internal',
      message: `${name} takes ${total} bytes packed as ${packingLabel(packing)} where ${planned} were planned.`,
    });
  }
  return packedRef(name, [rows, columns], packing, async (part, start, length) => {
    const slot = slots.get(part);
    if (!slot) throw new WhittleError({ code: 'internal', message: `${name} has no part "${part}".` });
    return slot.read(start, length);
  });
}

function partsOf(name: string, values: PackedValues) {
  try {
    return splitParts(values);
  } catch (thrown) {
    if (thrown instanceof WhittleError) throw new WhittleError({ ...thrown.toData(), place: { tensor: name } });
    throw thrown;
  }
}

/** A packed matrix (out, in) whose parts lie wherever `read` takes them from. */
export function packedRef(name: string, shape: Shape, packing: Packing, read: PartReader): WeightRef {
  const unpack = (rows: RowRange = { start: 0, end: shape[0] }) => joinParts(packing, shape[1], rows, read);
  return {
    name,
    shape,
    dtype: packedDType(packing),
    ...packedStorage(shape, packing),
    packed: packing,
    unpack,
    async read(rows) {
      const packed = await unpack(rows);
      if ('blocks' in packed) return packed.blocks;
      const values = dense(packed);
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    },
  };
}
