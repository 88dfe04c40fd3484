/**
 * @file The last checkpoint of a training that was broken off: the same recipe on the same model and texts goes on from it, in the next engine
 * too where something outlives this one. One is kept, of whichever training ran last; it goes when that training ends, and with the
 * model or the texts. It lies in pieces, so that no more than one is on the host.
 */
import type { CheckpointStore, StoredBytes } from '../compress/train/checkpoint.ts';
import type { StoredPlace } from '../models/record/origin.ts';
import type { ScratchSlot, ScratchStore } from '../models/scratch.ts';
import type { KeptStore } from './kept/kept_store.ts';

export const TRAINING = 'training.json';
const VERSION = 3;
/** Bytes of all pieces but the last. */
export const PIECE_BYTES = 4 * 2 ** 20;
/** What stands at the end grows with the curve: some room more, so that a slot is made once. */
const ROOM = 65_536;

interface TrainingRecord {
  readonly version: number;
  readonly key: string;
  /** Of its pieces. */
  readonly places: readonly StoredPlace[];
  /** Of the checkpoint; the last piece has room for more. */
  readonly bytes: number;
}

export interface TrainingPlace {
  /** Of the pass, and of all before it. */
  readonly key: string;
  /** By identity. */
  readonly calibration: unknown;
  createScratch(): Promise<ScratchStore>;
  /** What outlives the engine, and what the numbers depend on beside the recipe. */
  readonly outer?: { readonly kept: KeptStore; readonly key: string };
}

interface Kept {
  readonly place: TrainingPlace;
  readonly scratch: ScratchStore;
  /** Slots of two checkpoints, written in turn: the one that the record names stays whole while the other is written. */
  readonly sets: readonly [ScratchSlot[], ScratchSlot[]];
  /** Of `sets`, the one that was written last. */
  last: 0 | 1;
  /** 0 where none is whole. */
  bytes: number;
}

export class Checkpoints {
  private kept?: Kept;

  of(place: TrainingPlace): CheckpointStore {
    return {
      read: async () => {
        const found = this.own(place);
        if (!found) return readRecord(place);
        return found.bytes > 0 ? inPieces(found.sets[found.last], found.bytes) : undefined;
      },
      write: (parts) => this.write(place, parts),
      remove: async () => {
        if (this.own(place)) await this.clear();
        else await removeRecord(place);
      },
    };
  }

  async clear(): Promise<void> {
    const { kept } = this;
    this.kept = undefined;
    if (kept) await kept.place.outer?.kept.remove(TRAINING).catch(() => undefined);
    await kept?.scratch.clear();
  }

  /** For a session that another engine will go on in: what is stored stays. */
  forget(): void {
    this.kept = undefined;
  }

  private own({ key, calibration }: TrainingPlace): Kept | undefined {
    const { kept } = this;
    return kept?.place.key === key && kept.place.calibration === calibration ? kept : undefined;
  }

  private async write(place: TrainingPlace, parts: AsyncIterable<Uint8Array>): Promise<void> {
    let kept = this.own(place);
    if (!kept) {
      await this.clear();
      kept = { place, scratch: await place.createScratch(), sets: [[], []], last: 0, bytes: 0 };
      this.kept = kept;
    }
    const next = place.outer && kept.bytes > 0 ? ((1 - kept.last) as 0 | 1) : kept.last;
    // Where there is one place only, a checkpoint that is half written is none.
    if (next === kept.last) kept.bytes = 0;
    const bytes = await writePieces(kept.scratch, kept.sets[next], parts);
    kept.last = next;
    kept.bytes = bytes;
    await writeRecord(place, kept.sets[next], bytes);
  }
}

/** @param slots Of earlier pieces, overwritten where they are large enough; new ones take their places. @returns Bytes of all parts. */
async function writePieces(
  scratch: ScratchStore,
  slots: ScratchSlot[],
  parts: AsyncIterable<Uint8Array>,
): Promise<number> {
  let [bytes, index, filled] = [0, 0, 0];
  let piece = new Uint8Array(ROOM);
  const put = async (room: number) => {
    const slot = slots[index];
    if (slot && slot.bytes >= filled) await slot.write(piece.subarray(0, filled));
    else {
      if (piece.length < filled + room) piece = resized(piece, filled + room);
      slots[index] = await scratch.append(piece.subarray(0, filled + room));
    }
    index++;
    filled = 0;
  };
  for await (const part of parts) {
    bytes += part.byteLength;
    for (let at = 0; at < part.byteLength; ) {
      const count = Math.min(part.byteLength - at, PIECE_BYTES - filled);
      if (piece.length < filled + count) piece = resized(piece, Math.min(PIECE_BYTES, 2 * (filled + count)));
      piece.set(part.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled === PIECE_BYTES) await put(0);
    }
  }
  if (filled > 0) await put(ROOM);
  slots.length = index;
  return bytes;
}

function resized(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

/** Pieces one behind the other. */
function inPieces(slots: readonly ScratchSlot[], bytes: number): StoredBytes {
  return {
    bytes,
    async read(offset, length) {
      const first = Math.floor(offset / PIECE_BYTES);
      const within = offset - first * PIECE_BYTES;
      if (within + length <= PIECE_BYTES) return slots[first].read(within, length);
      const out = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const index = Math.floor((offset + done) / PIECE_BYTES);
        const start = offset + done - index * PIECE_BYTES;
        const count = Math.min(length - done, PIECE_BYTES - start);
        out.set(await slots[index].read(start, count), done);
        done += count;
      }
      return out;
    },
  };
}

async function writeRecord({ outer, key }: TrainingPlace, slots: readonly ScratchSlot[], bytes: number): Promise<void> {
  const places = slots.flatMap(({ place }) => place ?? []);
  if (!outer || places.length < slots.length) return;
  const record: TrainingRecord = { version: VERSION, key: outer.key + key, places, bytes };
  // A training does not fail because it cannot be put down: it only begins anew then.
  await outer.kept.write(TRAINING, JSON.stringify(record)).catch(() => undefined);
}

/** What an engine before this one had put down of the same training. */
async function readRecord({ outer, key }: TrainingPlace): Promise<StoredBytes | undefined> {
  const record = outer && (await trainingRecord(outer.kept));
  if (!record || record.key !== outer.key + key) return undefined;
  try {
    const file = await outer.kept.openScratch(record.places[0].file);
    const stored = inPieces(
      record.places.map((place) => file.slot(place)),
      record.bytes,
    );
    // Whether all of it is there.
    await stored.read(record.bytes - 1, 1);
    return stored;
  } catch {
    // The file is gone: it begins anew.
    return undefined;
  }
}

/** The training of an earlier engine is done, or was never this one's. */
async function removeRecord({ outer, key }: TrainingPlace): Promise<void> {
  const record = outer && (await trainingRecord(outer.kept));
  if (!record || record.key !== outer.key + key) return;
  await outer.kept.remove(TRAINING);
  const scratch = await outer.kept.openScratch(record.places[0].file).catch(() => undefined);
  await scratch?.clear();
}

/** Of the session's last training that did not come to its end. */
export async function trainingRecord(kept: KeptStore): Promise<TrainingRecord | undefined> {
  const text = await kept.read(TRAINING);
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as TrainingRecord;
    return record.version === VERSION ? record : undefined;
  } catch {
    return undefined;
  }
}
