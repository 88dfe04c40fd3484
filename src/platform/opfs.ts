/**
 * @file The origin private file system (OPFS): files on the person's disk that only this site sees. Paths are relative to
 * the origin's root, with `/` between folders.
 */
import { storageFull, WhittleError } from '../errors/errors.ts';
import { pulse, quietly } from '../pulse/pulse.ts';
import { waitingFor } from '../pulse/waits.ts';
import { isNamed } from './named.ts';

/** Missing in insecure contexts and in some private windows. */
export function hasOpfs(): boolean {
  return typeof navigator !== 'undefined' && typeof navigator.storage?.getDirectory === 'function';
}

/** Throws `export_failed` where there is no OPFS, and DOMException `NotFoundError` where the folder is missing. */
export async function openFolder(path: string, create = false): Promise<FileSystemDirectoryHandle> {
  if (!hasOpfs()) {
    throw new WhittleError({
      code: 'export_failed',
      message: 'This browser gives the page no private file storage (OPFS).',
      allowed: 'a page opened over https or from localhost, outside a private window',
      action: 'Open Whittle in a normal window of a current browser.',
    });
  }
  let folder = await navigator.storage.getDirectory();
  for (const part of path.split('/').filter(Boolean)) folder = await folder.getDirectoryHandle(part, { create });
  return folder;
}

/** Removes a file or a folder with all that is in it; nothing happens where it does not exist. */
export async function removeEntry(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name, { recursive: true });
  } catch (thrown) {
    if (!isNamed(thrown, 'NotFoundError')) throw thrown;
  }
}

/** How long, and how often, a lock is waited for that goes with the Worker that had it. */
const LOCK_MS = 3000;
const LOOK_MS = 50;

/** As {@link removeEntry}; a Worker that was ended in the middle of its work may have had a file open, and its lock goes a little later. */
export async function removeWhenFree(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  for (let waited = 0; ; waited += LOOK_MS) {
    try {
      return await removeEntry(folder, name);
    } catch (thrown) {
      if (!isNamed(thrown, 'NoModificationAllowedError') || waited >= LOCK_MS) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/**
 * Files that are being opened. Chromium forgets to answer where the garbage collector takes a file's handle meanwhile
 * (`findings/opfs_open_is_lost_with_its_handle.sh`), and nothing else holds it.
 */
const opening = new Set<FileSystemFileHandle>();

/** Opens a file for writing at any offset; only dedicated Workers may. The handle locks the file until it is closed. */
export async function openForWriting(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<FileSystemSyncAccessHandle> {
  const opened = folder.getFileHandle(name, { create: true }).then((file) => {
    opening.add(file);
    return file.createSyncAccessHandle().finally(() => opening.delete(file));
  });
  return waitingFor(`the browser's storage to open ${name}`, opened);
}

/** Large writes to a slow disk take seconds: in between this thread says that it lives. */
const WRITE_BYTES = 16 * 1024 * 1024;

/**
 * Writes all bytes: a single call may write fewer, and says so only in its result. Throws `storage_full`.
 *
 * In a private window of Chromium a full storage throws nothing: `write` returns its negative error number as an unsigned one,
 * 4294967288, so a count beyond what was given is a failure.
 */
export function writeFully(handle: FileSystemSyncAccessHandle, bytes: Uint8Array, at: number, file: string): void {
  for (let done = 0; done < bytes.byteLength; ) {
    pulse();
    const part = bytes.subarray(done, done + WRITE_BYTES);
    let count: number;
    try {
      count = handle.write(part, { at: at + done });
    } catch (thrown) {
      throw isNamed(thrown, 'QuotaExceededError') ? fullAfter(file, at + done, thrown) : thrown;
    }
    if (!(count > 0 && count <= part.byteLength)) throw fullAfter(file, at + done);
    done += count;
  }
}

/** Disks may take long to have everything. Throws `storage_full` where fewer bytes are there than were written. */
export function flushFully(handle: FileSystemSyncAccessHandle, bytes: number, file: string): void {
  quietly(FLUSH_S, () => handle.flush());
  if (handle.getSize() < bytes) throw fullAfter(file, handle.getSize());
}

const FLUSH_S = 120;

/** Asks the browser to keep this site's files when disk runs short. Only windows may ask; a refusal changes nothing else. */
export async function requestPersistence(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false;
}

function fullAfter(file: string, at: number, cause?: unknown): WhittleError {
  const message = `The browser's storage for this site is full: only the first ${(at / 1e6).toFixed(1)} MB of a file could be written.`;
  const { action, place } = storageFull(message, { file });
  return new WhittleError({ code: 'storage_full', message, place, action }, { cause });
}
