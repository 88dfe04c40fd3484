/** @file Packed weights → matrices that a backend keeps as they are packed: a kind of packing has a row here if some backend does. */
import type { Backend, BackendInfo, Tensor } from '../backend/backend.ts';
import type { RowRange } from '../formats/checkpoint.ts';
import type { WeightRef } from '../models/decoder_model.ts';
import { groupedParts, sparseParts } from '../models/packed/store.ts';
import { isFloatType } from '../tensor/dtype.ts';

/** Puts a matrix that was read on the device; undefined where it must be held as floats. */
export type PackMatrix = (backend: Backend, label: string) => Tensor | undefined;

type Stored = Pick<WeightRef, 'packed' | 'dtype' | 'shape'>;

/** Whether the backend may keep a weight as it is packed, or as the blocks that it is stored in. */
export function isKeptPacked(backend: Backend, ref: WeightRef): boolean {
  const { packed } = ref;
  if (packed?.kind === 'grouped') return Boolean(backend.pack);
  if (packed?.kind === 'sparse') return packed.places === '2:4' && Boolean(backend.packSparse);
  return keptBlockBytes(backend.info, ref) !== undefined;
}

/** Bytes of an element where the backend keeps the blocks that a weight is stored in, else undefined. */
export function keptBlockBytes({ packsBlocks }: Pick<BackendInfo, 'packsBlocks'>, ref: Stored): number | undefined {
  return areBlocks(ref) && ref.shape[0] % 4 === 0 ? packsBlocks?.[ref.dtype] : undefined;
}

const areBlocks = ({ packed, dtype, shape }: Stored) =>
  (!packed || packed.kind === 'blocks') && shape.length === 2 && !isFloatType(dtype);

/** Reads the stored bytes of some rows. Undefined where they cannot be had as kernels take them. */
export async function packedMatrix(ref: WeightRef, rows: RowRange): Promise<PackMatrix | undefined> {
  const { packed } = ref;
  const size = { rows: rows.end - rows.start, columns: ref.shape[1] };
  if (packed?.kind === 'grouped') {
    const parts = await groupedParts(ref, packed, rows);
    return parts && ((backend, label) => backend.pack?.({ ...packed, ...parts, ...size }, label));
  }
  if (areBlocks(ref)) {
    const { dtype } = ref;
    const bytes = await ref.read(rows);
    return (backend, label) => backend.packBlocks?.(bytes, dtype, [size.rows, size.columns], label);
  }
  if (packed?.kind !== 'sparse') return undefined;
  const { floats } = packed;
  const parts = await sparseParts(ref, packed, rows);
  return parts && ((backend, label) => backend.packSparse?.({ floats, ...parts, ...size }, label));
}
