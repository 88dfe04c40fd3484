/**
 * @file How much room this site has, found by trying: a file is made as long as what is needed, then shortened and removed.
 * `navigator.storage.estimate()` is no answer: Chromium says 10 GiB, on large disks and small ones. Nothing is written, so it
 * takes a millisecond; that a disk is filled by others meanwhile is met where it is written. Dedicated Workers only.
 */
import { isNamed } from './named.ts';
import { openFolder, openForWriting, removeEntry } from './opfs.ts';
import { storageSession } from './storage_session.ts';

/** So many halvings bring what fits to within a thousandth. */
const HALVINGS = 10;

/** Removed at once; where the page is closed in between, the next trial in the folder takes it over. */
const NAME = 'room.bin';

/** In this engine's own folder. */
export async function roomForSession(needed: number): Promise<number> {
  return roomFor(needed, await openFolder(await storageSession()));
}

/**
 * @param needed Bytes. @param folder Where to try.
 * @returns `needed` where so many fit, else about the most that do.
 */
export async function roomFor(needed: number, folder: FileSystemDirectoryHandle): Promise<number> {
  let handle: FileSystemSyncAccessHandle;
  try {
    handle = await openForWriting(folder, NAME);
  } catch (thrown) {
    if (isNamed(thrown, 'QuotaExceededError')) return 0;
    throw thrown;
  }
  try {
    if (fits(handle, needed)) return needed;
    let [most, least] = [needed, 0];
    for (let i = 0; i < HALVINGS; i++) {
      const middle = Math.floor((least + most) / 2);
      if (fits(handle, middle)) least = middle;
      else most = middle;
    }
    return least;
  } finally {
    handle.truncate(0);
    handle.close();
    await removeEntry(folder, NAME);
  }
}

/** Chromium throws, or in a private window leaves the file as it is and says nothing. */
function fits(handle: FileSystemSyncAccessHandle, bytes: number): boolean {
  try {
    handle.truncate(0);
    handle.truncate(bytes);
  } catch (thrown) {
    if (isNamed(thrown, 'QuotaExceededError')) return false;
    throw thrown;
  }
  return handle.getSize() >= bytes;
}
