/**
 * @file What a page remembers of its sessions, in IndexedDB: that can hold typed arrays, texts and handles of files as they
 * are. Weights and exports lie in OPFS (`kept_session.ts`), in the folder of the session's name.
 */
import { storageFull } from '../errors/errors.ts';
import { isNamed } from './named.ts';
import { hasOpfs, openFolder, removeEntry } from './opfs.ts';

const DATABASE = 'whittle';
const VERSION = 1;
const [INFO, DATA, FILES] = ['session_info', 'session_data', 'session_files'] as const;

/** A line of the list. */
export interface SessionInfo {
  readonly id: string;
  /** As the person called it, or the model. */
  readonly name: string;
  readonly model: string;
  readonly fingerprint: string;
  readonly runs: number;
  /** Milliseconds since 1970. */
  readonly saved_at: number;
  /** How many engines worked in it: the next takes this as its generation. */
  readonly engines: number;
  /** For people: the job that was running, and how far it was. */
  readonly unfinished: { readonly title: string; readonly layer?: number; readonly layers?: number } | null;
}

export function hasSessions(): boolean {
  return typeof indexedDB !== 'undefined' && hasOpfs();
}

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      for (const store of [INFO, DATA, FILES]) request.result.createObjectStore(store);
    };
    request.onsuccess = () => {
      // Another tab that brings a newer form must not wait for this one.
      request.result.onversionchange = () => {
        request.result.close();
        opened = undefined;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  }).catch((thrown) => {
    opened = undefined;
    throw thrown;
  });
  return opened;
}

/** One transaction; resolves once it is on disk. Throws `storage_full`. */
async function transact<T>(
  stores: readonly string[],
  mode: IDBTransactionMode,
  work: (store: (name: string) => IDBObjectStore) => IDBRequest<T> | undefined,
): Promise<T | undefined> {
  const transaction = (await database()).transaction(stores, mode);
  return new Promise((resolve, reject) => {
    const request = work((name) => transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onabort = () => {
      const { error } = transaction;
      const isFull = isNamed(error, 'QuotaExceededError');
      reject(isFull ? storageFull('The browser’s storage has no room for what is to be kept of this session.') : error);
    };
  });
}

/** `data`: figures and settings. `files`: texts and handles, written only where given, because they may be large. */
export async function putSession(info: SessionInfo, data: unknown, files?: unknown): Promise<void> {
  await transact([INFO, DATA, FILES], 'readwrite', (store) => {
    store(INFO).put(info, info.id);
    store(DATA).put(data, info.id);
    if (files !== undefined) store(FILES).put(files, info.id);
    return undefined;
  });
}

export async function putSessionInfo(info: SessionInfo): Promise<void> {
  await transact([INFO], 'readwrite', (store) => store(INFO).put(info, info.id));
}

/** The last saved first. */
export async function listSessions(): Promise<SessionInfo[]> {
  if (!hasSessions()) return [];
  const found = await transact<SessionInfo[]>([INFO], 'readonly', (store) => store(INFO).getAll());
  return (found ?? []).sort((a, b) => b.saved_at - a.saved_at);
}

export async function readSession(id: string): Promise<{ info: SessionInfo; data: unknown; files: unknown } | null> {
  const [info, data, files] = await Promise.all(
    [INFO, DATA, FILES].map((name) => transact<unknown>([name], 'readonly', (store) => store(name).get(id))),
  );
  return info && data ? { info: info as SessionInfo, data, files } : null;
}

/** With its weights and exports. */
export async function deleteSession(id: string): Promise<void> {
  await transact([INFO, DATA, FILES], 'readwrite', (store) => {
    for (const name of [INFO, DATA, FILES]) store(name).delete(id);
    return undefined;
  });
  await removeSessionFolder(id);
}

async function removeSessionFolder(id: string): Promise<void> {
  const sessions = await openFolder('sessions', true);
  // The browser may still be letting go of what its engine had open; what is left goes when the next engine starts.
  await removeEntry(sessions, id).catch(() => undefined);
}

/** Bytes of its weights and exports. */
export async function sessionBytes(id: string): Promise<number> {
  try {
    return await bytesIn(await openFolder(`sessions/${id}`));
  } catch (thrown) {
    if (isNamed(thrown, 'NotFoundError')) return 0;
    throw thrown;
  }
}

async function bytesIn(folder: FileSystemDirectoryHandle): Promise<number> {
  let sum = 0;
  for await (const entry of folder.values()) {
    sum +=
      entry.kind === 'file'
        ? (await (entry as FileSystemFileHandle).getFile()).size
        : await bytesIn(entry as FileSystemDirectoryHandle);
  }
  return sum;
}

function ownerLock(id: string): string {
  return `whittle-owner-${id}`;
}

/** Tries for so long: a page that was just reloaded may not be quite gone. */
const [TRIES, TRY_MS] = [10, 150];

/** Makes this page the one that works in the session. @returns How to let go of it; null where another tab has it. */
export async function ownSession(id: string, tries = TRIES): Promise<(() => void) | null> {
  if (!navigator.locks) return () => {};
  for (let attempt = 1; ; attempt++) {
    const release = await tryLock(ownerLock(id));
    if (release || attempt >= tries) return release;
    await new Promise((resolve) => setTimeout(resolve, TRY_MS));
  }
}

function tryLock(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (!lock) return resolve(null);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** Sessions that a tab works in, this one's included. */
export async function ownedSessions(): Promise<Set<string>> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  const prefix = ownerLock('');
  return new Set(held.flatMap(({ name = '' }) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : [])));
}
