/**
 * @file Downloaded models in OPFS: `models/OWNER--NAME/COMMIT/CHOICE/`, a folder for each, with a journal beside the files. It
 * stays between visits. Web Locks keep two tabs from writing one model, and a delete from taking an open one away.
 */
import { WhittleError } from '../../errors/errors.ts';
import { isNamed } from '../named.ts';
import { hasOpfs, openFolder, openForWriting, removeEntry, writeFully } from '../opfs.ts';
import { JOURNAL_FILE, type Journal, parseJournal } from './journal.ts';
import { type HubCache, type HubCacheEntry, type HubKey, type HubPlan, isSameModel, totalBytes } from './types.ts';

const ROOT = 'models';
/** Journals list some dozen files. */
const MAX_JOURNAL_BYTES = 4_000_000;

export function folderPath({ id, commit, choice }: HubKey): string {
  return [ROOT, flat(id), commit, flat(choice)].join('/');
}

/** Names on disk; the Hub allows no doubled dash in a name. */
function flat(path: string): string {
  return path.replaceAll('/', '--');
}

/** A file's name inside its model's folder. */
export function storedName(path: string): string {
  return path.split('/').pop() as string;
}

/** Runs `task` while no other tab or Worker uses the model. Throws `hub_busy` where one does. */
export async function withModel<T>(key: HubKey, task: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return task();
  return navigator.locks.request(lockName(key), { mode: 'exclusive', ifAvailable: true }, (lock) => {
    if (!lock) throw busy(key);
    return task();
  }) as Promise<T>;
}

/** Keeps the model from being deleted until the returned function is called. Throws `hub_busy` while it is being written. */
export async function holdModel(key: HubKey): Promise<() => void> {
  if (!navigator.locks) return () => {};
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lockName(key), { mode: 'shared', ifAvailable: true }, (lock) => {
        if (!lock) throw busy(key);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** The journal of a model, or nothing where there is none that can be read. */
export async function readJournal(folder: FileSystemDirectoryHandle): Promise<Journal | undefined> {
  try {
    const file = await (await folder.getFileHandle(JOURNAL_FILE)).getFile();
    return file.size > MAX_JOURNAL_BYTES ? undefined : parseJournal(await file.text());
  } catch (thrown) {
    if (isNamed(thrown, 'NotFoundError')) return undefined;
    throw thrown;
  }
}

export async function writeJournal(folder: FileSystemDirectoryHandle, journal: Journal): Promise<void> {
  const handle = await openForWriting(folder, JOURNAL_FILE);
  try {
    handle.truncate(0);
    writeFully(handle, new TextEncoder().encode(JSON.stringify(journal)), 0, JOURNAL_FILE);
    handle.flush();
  } finally {
    handle.close();
  }
}

/** All models on this device, the last used first. Folders that hold no journal are remains, and are removed. */
export async function listCache(): Promise<HubCache> {
  const entries: HubCacheEntry[] = [];
  for (const place of await modelFolders()) {
    const journal = await readJournal(place.folder);
    if (journal && folderPath(journal.plan) === folderPath(place.key)) {
      entries.push(await entryOf(place.folder, journal));
    } else {
      await removeRemains(place.key);
    }
  }
  entries.sort((a, b) => b.used_at - a.used_at);
  return { entries };
}

/** One model on this device, or nothing. */
export async function findCached(key: HubKey): Promise<HubCacheEntry | undefined> {
  try {
    const folder = await openFolder(folderPath(key));
    const journal = await readJournal(folder);
    return journal && isSameModel(journal.plan, key) ? await entryOf(folder, journal) : undefined;
  } catch (thrown) {
    if (isNamed(thrown, 'NotFoundError')) return undefined;
    throw thrown;
  }
}

/** Files of a complete model, on disk; notes the time. Throws `missing_shard` where some are not there. */
export async function cachedFiles(key: HubKey): Promise<{ name: string; file: File }[]> {
  const entry = await findCached(key);
  if (!entry?.is_complete) {
    throw new WhittleError({
      code: 'missing_shard',
      message: `${key.id} is not completely on this device.`,
      place: { file: key.choice },
      action: 'Download it, or the rest of it, first.',
    });
  }
  const folder = await openFolder(folderPath(key));
  const files = await Promise.all(
    entry.plan.files.map(async ({ path }) => {
      const name = storedName(path);
      return { name, file: await (await folder.getFileHandle(name)).getFile() };
    }),
  );
  // Another tab may hold the journal at this moment; then its time is as good.
  const journal = await readJournal(folder);
  if (journal) await writeJournal(folder, { ...journal, used_at: Date.now() }).catch(() => undefined);
  return files;
}

/** Throws `hub_busy` where a tab has the model open or is downloading it. */
export async function deleteCached(key: HubKey): Promise<void> {
  await withModel(key, async () => {
    const path = folderPath(key).split('/');
    const name = path.pop() as string;
    try {
      await removeEntry(await openFolder(path.join('/')), name);
      await removeEmptyParents(path);
    } catch (thrown) {
      if (!isNamed(thrown, 'NotFoundError')) throw thrown;
    }
  });
}

/** Nobody could see or delete it; a tab that is just beginning a download holds the lock. */
async function removeRemains(key: HubKey): Promise<void> {
  try {
    await deleteCached(key);
  } catch (thrown) {
    if (!(thrown instanceof WhittleError && thrown.code === 'hub_busy')) throw thrown;
  }
}

async function entryOf(folder: FileSystemDirectoryHandle, { plan, done, used_at }: Journal): Promise<HubCacheEntry> {
  const sizes = await Promise.all(plan.files.map(({ path }) => sizeOf(folder, storedName(path))));
  const held_bytes = sizes.reduce((sum, size) => sum + size, 0);
  const is_complete = plan.files.every(({ path, bytes }, i) => done.includes(path) && sizes[i] === bytes);
  return { plan, bytes: totalBytes(plan.files), held_bytes, is_complete, used_at };
}

async function sizeOf(folder: FileSystemDirectoryHandle, name: string): Promise<number> {
  try {
    return (await (await folder.getFileHandle(name)).getFile()).size;
  } catch (thrown) {
    if (isNamed(thrown, 'NotFoundError')) return 0;
    throw thrown;
  }
}

async function modelFolders(): Promise<{ key: HubKey; folder: FileSystemDirectoryHandle }[]> {
  if (!hasOpfs()) return [];
  let root: FileSystemDirectoryHandle;
  try {
    root = await openFolder(ROOT);
  } catch (thrown) {
    if (isNamed(thrown, 'NotFoundError')) return [];
    throw thrown;
  }
  const found: { key: HubKey; folder: FileSystemDirectoryHandle }[] = [];
  for (const id of await names(root)) {
    const model = await root.getDirectoryHandle(id);
    for (const commit of await names(model)) {
      const revision = await model.getDirectoryHandle(commit);
      for (const choice of await names(revision)) {
        found.push({ key: { id, commit, choice }, folder: await revision.getDirectoryHandle(choice) });
      }
    }
  }
  return found;
}

async function names(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const found: string[] = [];
  for await (const name of folder.keys()) found.push(name);
  return found;
}

/** From the commit's folder upwards, as long as nothing is left in it. */
async function removeEmptyParents(path: readonly string[]): Promise<void> {
  for (let depth = path.length; depth > 1; depth--) {
    if ((await names(await openFolder(path.slice(0, depth).join('/')))).length > 0) return;
    await removeEntry(await openFolder(path.slice(0, depth - 1).join('/')), path[depth - 1]);
  }
}

function lockName(key: HubKey): string {
  return `whittle-${folderPath(key)}`;
}

function busy({ id }: HubKey): WhittleError {
  return new WhittleError({
    code: 'hub_busy',
    message: `${id} is in use: it is open or being downloaded, here or in another tab.`,
    action: 'Close it there, or open another model, and try again.',
  });
}

/** The part of a journal that is a plan with nothing done yet. */
export function newJournal(plan: HubPlan): Journal {
  return { version: 1, plan, done: [], etags: {}, used_at: Date.now() };
}
