/**
 * @file What a session keeps between engines, in its folder of OPFS: small texts under `records/`, and the scratch files and
 * exports that they name. For dedicated Workers.
 */
import { WhittleError } from '../errors/errors.ts';
import { type OpfsExportFolder, openExportFolder } from './export_folder.ts';
import { isNamed } from './named.ts';
import { flushFully, openFolder, openForWriting, removeEntry, writeFully } from './opfs.ts';
import { closeScratchFiles, openScratchFile, type ScratchFile, type ScratchFileSlot } from './scratch_file.ts';
import { changeSession, removeEarlierScratch, storageSession } from './storage_session.ts';

const RECORDS = 'records';
/** A record is written beside its old self, which goes only when the new one is whole. */
const DRAFT = '.draft';

interface Place {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface KeptScratchFile extends ScratchFile {
  slot(place: Place): ScratchFileSlot;
}

/** The shape of `KeptStore` in engine, which platform does not import. */
export const keptSession = {
  async enter({ id, engines }: { id: string; engines: number }): Promise<void> {
    await closeScratchFiles();
    changeSession(id, engines);
    await storageSession();
  },

  async write(name: string, text: string): Promise<void> {
    const folder = await openFolder(`${await storageSession()}/${RECORDS}`, true);
    const bytes = new TextEncoder().encode(text);
    const handle = await openForWriting(folder, `${name}${DRAFT}`);
    try {
      handle.truncate(0);
      writeFully(handle, bytes, 0, name);
      flushFully(handle, bytes.byteLength, name);
    } finally {
      handle.close();
    }
    await replace(folder, name);
  },

  async read(name: string): Promise<string | undefined> {
    try {
      const folder = await openFolder(`${await storageSession()}/${RECORDS}`);
      return await (await (await folder.getFileHandle(name)).getFile()).text();
    } catch (thrown) {
      if (isNamed(thrown, 'NotFoundError')) return undefined;
      throw thrown;
    }
  },

  async names(): Promise<string[]> {
    const folder = await openFolder(`${await storageSession()}/${RECORDS}`, true);
    const names: string[] = [];
    for await (const name of folder.keys()) if (!name.endsWith(DRAFT)) names.push(name);
    return names;
  },

  async remove(name: string): Promise<void> {
    await removeEntry(await openFolder(`${await storageSession()}/${RECORDS}`, true), name);
  },

  async openScratch(file: string): Promise<KeptScratchFile> {
    const folder = await openFolder(await storageSession());
    await folder.getFileHandle(file).catch((cause) => {
      throw new WhittleError(
        {
          code: 'bad_session',
          message: 'The stored weights of a run are gone from the browser’s storage.',
          place: { file },
          action: 'The browser may have removed them, or they were deleted. Make the run again.',
        },
        { cause },
      );
    });
    return openScratchFile(file);
  },

  openExportFolder: (path: string): Promise<OpfsExportFolder> => openExportFolder(path),

  async sweep(files: ReadonlySet<string>, folders: ReadonlySet<string>): Promise<void> {
    const session = await storageSession();
    const folder = await openFolder(session);
    await removeEarlierScratch(folder, files);
    const exports = await openFolder(`${session}/exports`, true);
    const names: string[] = [];
    for await (const name of exports.keys()) names.push(name);
    for (const name of names) {
      if (!folders.has(`${session}/exports/${name}`)) await removeEntry(exports, name).catch(() => undefined);
    }
  },
};

/** Renamed where the browser can; else written once more, so that an end in between leaves one whole of the two. */
async function replace(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  const draft = (await folder.getFileHandle(`${name}${DRAFT}`)) as FileSystemFileHandle & {
    move?(name: string): Promise<void>;
  };
  if (draft.move) {
    await draft.move(name);
    return;
  }
  const bytes = new Uint8Array(await (await draft.getFile()).arrayBuffer());
  const handle = await openForWriting(folder, name);
  try {
    handle.truncate(0);
    writeFully(handle, bytes, 0, name);
    flushFully(handle, bytes.byteLength, name);
  } finally {
    handle.close();
  }
  await removeEntry(folder, `${name}${DRAFT}`);
}
