/**
 * @file What outlives an engine: small texts, scratch files and export folders of a session, found again by name. The Worker
 * gives it OPFS; tests give it memory.
 */
import type { StoredPlace } from '../../models/record/origin.ts';
import type { ScratchSlot, ScratchStore } from '../../models/scratch.ts';
import type { ExportFolder } from '../platform.ts';
import type { SessionRef } from '../protocol.ts';

export interface KeptStore {
  /** Share of a job's time that putting down finished layers may take; a fiftieth unless given. */
  readonly share?: number;
  /** Works in another session from now on; what is stored of the one before stays. */
  enter(session: SessionRef): Promise<void>;
  /** Whole or not at all, whenever the engine ends. Throws `storage_full`. */
  write(name: string, text: string): Promise<void>;
  read(name: string): Promise<string | undefined>;
  names(): Promise<string[]>;
  remove(name: string): Promise<void>;
  /** A scratch file that an earlier engine of the session wrote. Throws `bad_session` where it is gone. */
  openScratch(file: string): Promise<KeptScratch>;
  /** Throws `NotFoundError` where it is gone. */
  openExportFolder(path: string): Promise<ExportFolder>;
  /** Removes scratch files of earlier engines, and export folders, that are not named here. */
  sweep(files: ReadonlySet<string>, folders: ReadonlySet<string>): Promise<void>;
}

export interface KeptScratch extends ScratchStore {
  slot(place: StoredPlace): ScratchSlot;
}

/** Scratch files that several runs stand on: each is removed with the last of them. */
export class SharedScratch {
  private readonly open = new Map<string, { scratch: Promise<KeptScratch>; users: number }>();

  constructor(private readonly store: KeptStore) {}

  /** One more user of a file, whose `clear` is theirs alone. */
  async use(file: string): Promise<KeptScratch> {
    const known = this.open.get(file) ?? { scratch: this.store.openScratch(file), users: 0 };
    this.open.set(file, known);
    known.users += 1;
    const scratch = await known.scratch.catch((thrown) => {
      this.open.delete(file);
      throw thrown;
    });
    let isMine = true;
    return {
      append: (bytes) => scratch.append(bytes),
      slot: (place) => scratch.slot(place),
      clear: async () => {
        if (!isMine) return;
        isMine = false;
        known.users -= 1;
        if (known.users > 0) return;
        this.open.delete(file);
        await scratch.clear();
      },
    };
  }
}
