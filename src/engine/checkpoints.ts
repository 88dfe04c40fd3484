/**
 * @file The last checkpoint of a training that was broken off: the same recipe on the same model and texts goes on from it, in the next engine
 * too where something outlives this one. One is kept, of whichever training ran last; it goes when that training ends, and with the
 * model or the texts.
 */
import type { CheckpointStore } from '../compress/train/checkpoint.ts';
import type { StoredPlace } from '../models/record/origin.ts';
import type { ScratchSlot, ScratchStore } from '../models/scratch.ts';
import type { KeptStore } from './kept/kept_store.ts';

export const TRAINING = 'training.json';
const VERSION = 2;
/** The head grows with the curve: some room more, so that a slot is made once. */
const ROOM = 65_536;

interface TrainingRecord {
  readonly version: number;
  readonly key: string;
  readonly place: StoredPlace;
  /** Of the checkpoint, from the start of the place. */
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
  /** Written in turn: the one that the record names stays whole while the other is written. */
  readonly slots: (ScratchSlot | undefined)[];
  /** Of `slots`, the one that was written last. */
  last: number;
  bytes: number;
}

export class Checkpoints {
  private kept?: Kept;

  of(place: TrainingPlace): CheckpointStore {
    return {
      read: async () => {
        const found = this.own(place);
        return found ? found.slots[found.last]?.read(0, found.bytes) : readRecord(place);
      },
      write: (bytes) => this.write(place, bytes),
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

  private async write(place: TrainingPlace, bytes: Uint8Array): Promise<void> {
    let kept = this.own(place);
    if (!kept) {
      await this.clear();
      kept = { place, scratch: await place.createScratch(), slots: [], last: 0, bytes: 0 };
      this.kept = kept;
    }
    const next = place.outer && kept.slots[kept.last] ? 1 - kept.last : kept.last;
    const slot = kept.slots[next];
    if (slot && slot.bytes >= bytes.byteLength) await slot.write(bytes);
    else {
      const room = new Uint8Array(bytes.byteLength + ROOM);
      room.set(bytes);
      if (!place.outer) await kept.scratch.clear();
      kept.slots[next] = await kept.scratch.append(room);
    }
    kept.last = next;
    kept.bytes = bytes.byteLength;
    await writeRecord(place, kept.slots[next], bytes.byteLength);
  }
}

async function writeRecord({ outer, key }: TrainingPlace, slot: ScratchSlot | undefined, bytes: number): Promise<void> {
  if (!outer || !slot?.place) return;
  const record: TrainingRecord = { version: VERSION, key: outer.key + key, place: slot.place, bytes };
  // A training does not fail because it cannot be put down: it only begins anew then.
  await outer.kept.write(TRAINING, JSON.stringify(record)).catch(() => undefined);
}

/** What an engine before this one had put down of the same training. */
async function readRecord({ outer, key }: TrainingPlace): Promise<Uint8Array | undefined> {
  const record = outer && (await trainingRecord(outer.kept));
  if (!record || record.key !== outer.key + key) return undefined;
  try {
    return await (await outer.kept.openScratch(record.place.file)).slot(record.place).read(0, record.bytes);
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
  const scratch = await outer.kept.openScratch(record.place.file).catch(() => undefined);
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
