/** @file Packed matrices in a scratch store: a {@link WeightRef} that reads dense numbers, and its packed parts on request. */
import { WhittleError } from '../../errors/errors.ts';
import type { RowRange } from '../../formats/checkpoint.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { WeightRef } from '../decoder_model.ts';
import { setOrigin } from '../record/origin.ts';
import type { ScratchSlot, ScratchStore } from '../scratch.ts';
import { dense } from './dense.ts';
import {
  type Grouped,
  groupsOf,
  type Packing,
  packedBytes,
  packedDType,
  packedStorage,
  packingLabel,
  type Sparse,
} from './packing.ts';
import { joinParts, type PartReader, splitParts } from './parts.ts';
import type { PackedValues } from './values.ts';

/** Stores a packed matrix part by part. Throws `storage_full`, and `limit_exceeded` naming the weight. */
export async function storePacked(scratch: ScratchStore, name: string, values: PackedValues): Promise<WeightRef> {
  const { packing, rows, columns } = values;
  const slots = new Map<string, ScratchSlot>();
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
  const ref = packedRef(name, [rows, columns], packing, async (part, start, length) => {
    const slot = slots.get(part);
    if (!slot) throw new WhittleError({ code: 'internal', message: `${name} has no part "${part}".` });
    return slot.read(start, length);
  });
  const parts = [...slots].flatMap(([part, { place }]) => (place ? [{ part, place }] : []));
  return parts.length === slots.size ? setOrigin(ref, { kind: 'packed', packing, parts }) : ref;
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
    readPart: read,
    unpack,
    async read(rows) {
      const packed = await unpack(rows);
      if ('blocks' in packed) return packed.blocks;
      const values = dense(packed);
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    },
  };
}

/** Stored bytes of grouped integers, of whole rows. */
export interface GroupedParts {
  readonly codes: Uint8Array;
  readonly scales: Uint8Array;
  readonly zeros?: Uint8Array;
}

/** The parts of some rows of a matrix as they are stored, for kernels that compute with them. */
export async function groupedParts(
  ref: WeightRef,
  packing: Grouped,
  { start, end }: RowRange,
): Promise<GroupedParts | undefined> {
  const { readPart, shape } = ref;
  const { bits, scale, zero } = packing;
  const [groups, columns] = [groupsOf(packing, shape[1]), shape[1]];
  const isWhole = (each: number, width: number) => (start * each * width) % 8 === 0;
  // Rows that begin within a byte are rare: they are left to whoever wants numbers.
  if (!readPart || packing.ordered || !isWhole(columns, bits) || !isWhole(groups, bits)) return undefined;
  const part = (name: string, each: number, width: number) =>
    readPart(name, (start * each * width) / 8, Math.ceil(((end - start) * each * width) / 8));
  return {
    codes: await part('codes', columns, bits),
    scales: await part('scales', groups, scale === 'F16' ? 16 : 32),
    ...(zero !== 'symmetric' && { zeros: await part('zeros', groups, zero === 'minimum' ? 16 : bits) }),
  };
}

/** Stored bytes of a matrix that is two of four sparse, of whole rows. */
export interface SparseParts {
  readonly values: Uint8Array;
  readonly places: Uint8Array;
}

/** The parts of some rows, likewise. Undefined where the mask has no such pattern, or rows are no whole fours or begin within a byte. */
export async function sparseParts(
  { readPart, shape }: WeightRef,
  { places, floats }: Sparse,
  { start, end }: RowRange,
): Promise<SparseParts | undefined> {
  const columns = shape[1];
  if (!readPart || places !== '2:4' || columns % 4 !== 0 || (start * columns) % 8 !== 0) return undefined;
  // Half of the columns are kept, with two bits for the place of each.
  const size = (columns / 2) * (floats === 'F16' ? 2 : 4);
  return {
    values: await readPart('values', start * size, (end - start) * size),
    places: await readPart('places', (start * columns) / 8, Math.ceil(((end - start) * columns) / 8)),
  };
}
