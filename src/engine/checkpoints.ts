/**
 * @file The last checkpoint of a training that was broken off: the same recipe on the same model and texts goes on from it. One is kept,
 * of whichever training ran last; it goes when that training ends, and with the model or the texts.
 */
import type { CheckpointStore } from '../compress/train/checkpoint.ts';
import type { ScratchSlot, ScratchStore } from '../models/scratch.ts';

export class Checkpoints {
  private kept?: { key: string; calibration: unknown; scratch: ScratchStore; slot?: ScratchSlot; bytes: number };

  /**
   * @param key Of the pass, and of all before it.
   * @param calibration By identity.
   */
  of(key: string, calibration: unknown, createScratch: () => Promise<ScratchStore>): CheckpointStore {
    const own = () => (this.kept?.key === key && this.kept.calibration === calibration ? this.kept : undefined);
    return {
      read: async () => {
        const found = own();
        return found?.slot?.read(0, found.bytes);
      },
      write: async (bytes) => {
        if (!own()) {
          await this.clear();
          this.kept = { key, calibration, scratch: await createScratch(), bytes: 0 };
        }
        const kept = own();
        if (!kept) return;
        if (kept.slot && kept.slot.bytes >= bytes.byteLength) await kept.slot.write(bytes);
        else {
          // The head grows with the curve: some room more, so that the slot is made once.
          const room = new Uint8Array(bytes.byteLength + 8192);
          room.set(bytes);
          await kept.scratch.clear();
          kept.slot = await kept.scratch.append(room);
        }
        kept.bytes = bytes.byteLength;
      },
      remove: async () => {
        if (own()) await this.clear();
      },
    };
  }

  async clear(): Promise<void> {
    const { kept } = this;
    this.kept = undefined;
    await kept?.scratch.clear();
  }
}
