/**
 * @file Where computed weights wait until they are used or exported: OPFS in the browser, memory in tests. Injected, so
 * that methods never know about files.
 */
import type { RowRange } from '../formats/checkpoint.ts';
import { bytesPerElement, type DType } from '../tensor/dtype.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import type { WeightRef } from './decoder_model.ts';
import { type StoredPlace, setOrigin } from './record/origin.ts';

export interface ScratchStore {
  /** Stores bytes under a new key. They are consumed when the promise resolves. Throws `storage_full`. */
  append(bytes: Uint8Array): Promise<ScratchSlot>;
  /** Frees everything. */
  clear(): Promise<void>;
  /** Lets go of what is stored and leaves it where it is, for whoever finds it by its names; absent in stores without names. */
  leave?(): Promise<void>;
}

/** A stretch of stored bytes; `read` returns exactly the bytes asked for. */
export interface ScratchSlot {
  readonly bytes: number;
  /** Where it is found again when this engine is gone; absent in stores without names. */
  readonly place?: StoredPlace;
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Overwrites its start with at most as many bytes as it has. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Keeps everything in memory: for tests, for Node and where OPFS is missing. */
export function memoryScratch(): ScratchStore {
  let slots: (Uint8Array | undefined)[] = [];
  return {
    async append(bytes) {
      const kept = bytes.slice();
      slots.push(kept);
      return {
        bytes: kept.byteLength,
        read: async (offset, length) => kept.slice(offset, offset + length),
        write: async (bytes) => kept.set(bytes),
      };
    },
    async clear() {
      slots = [];
    },
  };
}

/** One store of several: new bytes go into the first, and all are freed together. */
export function joinedScratch(first: ScratchStore, others: readonly ScratchStore[]): ScratchStore {
  const all = [first, ...others];
  return {
    append: (bytes) => first.append(bytes),
    clear: async () => void (await Promise.all(all.map((each) => each.clear()))),
    leave: async () => void (await Promise.all(all.map((each) => each.leave?.()))),
  };
}

/** A weight stored as consecutive row blocks, each a slot. */
export function scratchWeight(
  name: string,
  dtype: DType,
  shape: Shape,
  blocks: readonly { rows: RowRange; slot: ScratchSlot }[],
): WeightRef {
  const rowBytes = (elementCount(shape) / (shape[0] || 1)) * bytesPerElement(dtype);
  const ref: WeightRef = {
    name,
    dtype,
    shape,
    async read(rows = { start: 0, end: shape[0] }) {
      const [only] = blocks;
      if (blocks.length === 1) {
        return only.slot.read((rows.start - only.rows.start) * rowBytes, (rows.end - rows.start) * rowBytes);
      }
      const out = new Uint8Array((rows.end - rows.start) * rowBytes);
      for (const block of blocks) {
        const start = Math.max(rows.start, block.rows.start);
        const end = Math.min(rows.end, block.rows.end);
        if (start >= end) continue;
        const part = await block.slot.read((start - block.rows.start) * rowBytes, (end - start) * rowBytes);
        out.set(part, (start - rows.start) * rowBytes);
      }
      return out;
    },
  };
  const placed = blocks.flatMap(({ rows, slot: { place } }) => (place ? [{ rows, place }] : []));
  return placed.length === blocks.length ? setOrigin(ref, { kind: 'blocks', blocks: placed }) : ref;
}
