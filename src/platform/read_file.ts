/**
 * @file Files of OPFS as a dedicated Worker reads them: by a handle, which is a call of the operating system. A range of a `Blob` goes
 * through another process and takes a hundred times as long (Chromium 156: 1 ms for 64 KiB).
 */
import { splitPath } from './export_folder.ts';
import { openFolder } from './opfs.ts';

export interface FileReading {
  readonly size: number;
  /** Fills `target` from `offset` on. @returns How many bytes there were. */
  read(target: Uint8Array, offset: number): number;
  close(): void;
}

/** `mode` is newer than the types. File System Standard, `FileSystemSyncAccessHandle.mode`. */
type ModalHandle = FileSystemSyncAccessHandle & { readonly mode?: string };
type OpensInMode = (options: { mode: string }) => Promise<ModalHandle>;

/**
 * Opens a file that several may read at once, and nobody may write meanwhile. Undefined where this browser locks it for one, or does
 * not open it this way; the file then is to be read as a `Blob`.
 */
export async function openForReading(path: string): Promise<FileReading | undefined> {
  const { folder, base } = splitPath(path);
  let handle: ModalHandle;
  try {
    const file = await (await openFolder(folder)).getFileHandle(base);
    handle = await (file.createSyncAccessHandle as OpensInMode).call(file, { mode: 'read-only' });
  } catch {
    return undefined;
  }
  if (handle.mode !== 'read-only') {
    handle.close();
    return undefined;
  }
  return {
    size: handle.getSize(),
    read: (target, offset) => handle.read(target, { at: offset }),
    close: () => handle.close(),
  };
}
