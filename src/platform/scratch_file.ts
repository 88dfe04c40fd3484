/**
 * @file Scratch space for computed weights: one append-only file of OPFS, read by range. For dedicated Workers, the only
 * place where a file can be written and read at once.
 */
import { WhittleError } from '../errors/errors.ts';
import { countTraffic } from '../pulse/traffic.ts';
import { isNamed } from './named.ts';
import { hasOpfs, openFolder, openForWriting, removeEntry, writeFully } from './opfs.ts';
import { scratchName, storageSession } from './storage_session.ts';

/** The shape of `ScratchStore` in models, which platform does not import. */
export interface ScratchFile {
  append(bytes: Uint8Array): Promise<ScratchFileSlot>;
  clear(): Promise<void>;
  /** Closes the file and leaves it. */
  leave(): Promise<void>;
}

export interface ScratchFileSlot {
  readonly bytes: number;
  readonly place: { readonly file: string; readonly offset: number; readonly bytes: number };
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Overwrites its start with at most as many bytes as it has. Throws `storage_full`. */
  write(bytes: Uint8Array): Promise<void>;
}

let serial = 0;
/** Files that this engine has open. */
const openFiles = new Set<() => Promise<void>>();

/** Lets go of every scratch file and leaves it where it is; slots of them cannot be read any more. */
export async function closeScratchFiles(): Promise<void> {
  for (const close of openFiles) await close();
  openFiles.clear();
}

/** Whether {@link openScratchFile} can work here; where it cannot, weights have to stay in memory. */
export function hasScratchFiles(): boolean {
  return (
    hasOpfs() &&
    typeof FileSystemFileHandle !== 'undefined' &&
    'createSyncAccessHandle' in FileSystemFileHandle.prototype
  );
}

/**
 * A new, empty scratch file in this engine's folder, on disk from the first `append` to `clear`. @param known One that an
 * earlier engine of the session left, to be read; what is appended comes behind it.
 */
export async function openScratchFile(
  known?: string,
): Promise<ScratchFile & { slot(place: ScratchFileSlot['place']): ScratchFileSlot }> {
  const folder = await openFolder(await storageSession());
  const name = known ?? scratchName(serial++);
  let handle = known === undefined ? undefined : openLeft(folder, known);
  const slotAt = (start: number, size: number, used: Promise<FileSystemSyncAccessHandle> | undefined) => {
    return {
      bytes: size,
      place: { file: name, offset: start, bytes: size },
      async read(offset: number, length: number) {
        if (!used || handle !== used) throw goneSlot(name);
        return readFully(await used, start, size, offset, length, name);
      },
      async write(bytes: Uint8Array) {
        if (!used || handle !== used) throw goneSlot(name);
        if (bytes.byteLength > size) throw tooLong(name, bytes.byteLength, size);
        writeFully(await used, bytes, start, name);
        countTraffic('scratch_written', bytes.byteLength);
      },
    };
  };
  let end = handle ? (await handle).getSize() : 0;
  const close = async () => {
    const held = handle;
    handle = undefined;
    (await held)?.close();
  };
  openFiles.add(close);
  return {
    async append(bytes) {
      handle ??= openForWriting(folder, name);
      const used = handle;
      const file = await used;
      // From here to the end nothing is awaited: two appends never share an offset.
      const start = end;
      const size = bytes.byteLength;
      writeFully(file, bytes, start, name);
      countTraffic('scratch_written', size);
      end += size;
      return slotAt(start, size, used);
    },
    slot: ({ offset, bytes }) => slotAt(offset, bytes, handle),
    async leave() {
      openFiles.delete(close);
      await close();
    },
    async clear() {
      const opened = handle;
      handle = undefined;
      end = 0;
      openFiles.delete(close);
      if (!opened) return;
      (await opened).close();
      await removeEntry(folder, name);
    },
  };
}

/** The browser may still be letting go of what an engine that ended had open: of one that hung only after many seconds. */
async function openLeft(folder: FileSystemDirectoryHandle, name: string): Promise<FileSystemSyncAccessHandle> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openForWriting(folder, name);
    } catch (thrown) {
      if (attempt === TRIES || !isNamed(thrown, 'NoModificationAllowedError')) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    }
  }
}

const [TRIES, TRY_MS] = [140, 250];

function readFully(
  file: FileSystemSyncAccessHandle,
  start: number,
  size: number,
  offset: number,
  length: number,
  name: string,
): Uint8Array {
  const out = new Uint8Array(length);
  let done = offset < 0 || offset + length > size ? -1 : 0;
  while (done >= 0 && done < length) {
    const count = file.read(out.subarray(done), { at: start + offset + done });
    done = count === 0 ? -1 : done + count;
  }
  if (done === length) {
    countTraffic('scratch_read', length);
    return out;
  }
  throw new WhittleError({
    code: 'truncated_file',
    message: `Bytes ${offset} to ${offset + length} of a stored weight of ${size} bytes cannot be read.`,
    place: { file: name },
    action: 'The browser may have removed its files. Slice the model again.',
  });
}

function tooLong(name: string, bytes: number, size: number): WhittleError {
  return new WhittleError({
    code: 'internal',
    message: `${bytes} bytes were to overwrite ${size} stored ones.`,
    place: { file: name },
    action: 'This is a fault in Whittle. Please report it with the steps that led here.',
  });
}

function goneSlot(name: string): WhittleError {
  return new WhittleError({
    code: 'internal',
    message: 'A weight was read after its scratch file was cleared.',
    place: { file: name },
    action: 'This is a fault in Whittle. Please report it with the steps that led here.',
  });
}
