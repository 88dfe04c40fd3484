/** @file Packed weights → matrices that a backend keeps as they are packed: a kind of packing has a row here if some backend does. */
import type { Backend, Tensor } from '../backend/backend.ts';
import type { RowRange } from '../formats/checkpoint.ts';
import type { WeightRef } from '../models/decoder_model.ts';
import { groupedParts, sparseParts } from '../models/packed/store.ts';

/** Puts a matrix that was read on the device; undefined where it must be held as floats. */
export type PackMatrix = (backend: Backend, label: string) => Tensor | undefined;

/** The packing of a weight that the backend may keep. */
export function keptPacking(backend: Backend, { packed }: WeightRef) {
  if (packed?.kind === 'grouped' && backend.pack) return packed;
  return packed?.kind === 'sparse' && packed.places === '2:4' && backend.packSparse ? packed : undefined;
}

/** Reads the stored bytes of some rows. Undefined where they cannot be had as kernels take them. */
export async function packedMatrix(ref: WeightRef, rows: RowRange): Promise<PackMatrix | undefined> {
  const { packed } = ref;
  const size = { rows: rows.end - rows.start, columns: ref.shape[1] };
  if (packed?.kind === 'grouped') {
    const parts = await groupedParts(ref, packed, rows);
    return parts && ((backend, label) => backend.pack?.({ ...packed, ...parts, ...size }, label));
  }
  if (packed?.kind !== 'sparse') return undefined;
  const { floats } = packed;
  const parts = await sparseParts(ref, packed, rows);
  return parts && ((backend, label) => backend.packSparse?.({ floats, ...parts, ...size }, label));
}
