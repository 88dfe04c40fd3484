/**
 * @file One folder of OPFS for each page and its engine. A Web Lock says that the page lives; folders without one were left
 * by a closed or crashed page and are removed when the next engine starts. The page holds the lock too, so that finished
 * exports outlive an engine that died.
 */
import { waitingFor } from '../pulse/waits.ts';
import { openFolder, removeEntry } from './opfs.ts';
import { listSessions } from './session_records.ts';

const SESSIONS = 'sessions';
/** Only an engine that lives can read them. */
const SCRATCH_PREFIX = 'scratch-';

let given: { id: string; generation: number } | undefined;
let current: Promise<string> | undefined;

export interface HeldSession {
  readonly id: string;
  release(): void;
}

/** For a page: a session, a new one without `id`, held until it is let go of or the page ends. */
export function holdSession(id: string = crypto.randomUUID()): HeldSession {
  let release = () => {};
  const untilReleased = new Promise<void>((resolve) => (release = resolve));
  void holdLock(sessionLock(id), 'shared', untilReleased).catch(() => undefined);
  return { id, release };
}

/** For an engine: works in its page's session from now on. @param generation How many engines the page had before. */
export function joinSession(id: string, generation: number): void {
  given = { id, generation };
}

/** For an engine: works in another session of its page from now on. What it has open of the one before has to be closed. */
export function changeSession(id: string, generation: number): void {
  given = { id, generation };
  current = undefined;
}

/** A name that no earlier engine of the session used: the browser may still be letting go of that one's files. */
export function scratchName(serial: number): string {
  return `${SCRATCH_PREFIX}${given?.generation ?? 0}-${serial}.bin`;
}

/** Path of this engine's folder; made at the first call. */
export function storageSession(): Promise<string> {
  current ??= waitingFor("the browser's storage to begin a session", startSession()).catch((thrown) => {
    current = undefined;
    throw thrown;
  });
  return current;
}

async function startSession(): Promise<string> {
  const id = given?.id ?? crypto.randomUUID();
  // The lock comes before the folder: another engine that is cleaning up must never see a folder without its lock.
  await holdLock(sessionLock(id), 'shared');
  const sessions = await openFolder(SESSIONS, true);
  await sessions.getDirectoryHandle(id, { create: true });
  await removeLeftovers(sessions, id);
  return `${SESSIONS}/${id}`;
}

/** A Worker that hung is let go of only when the browser has stopped it. */
const [TRIES, TRY_MS] = [6, 5000];

/** Removes what earlier engines of the session computed and nothing stands on any more, as soon as the browser lets go of it. */
export async function removeEarlierScratch(
  folder: FileSystemDirectoryHandle,
  kept: ReadonlySet<string>,
): Promise<void> {
  const isOld = (name: string) =>
    name.startsWith(SCRATCH_PREFIX) &&
    !name.startsWith(`${SCRATCH_PREFIX}${given?.generation ?? 0}-`) &&
    !kept.has(name);
  void removeOld(folder, isOld).catch(() => undefined);
}

async function removeOld(folder: FileSystemDirectoryHandle, isOld: (name: string) => boolean): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    const old = (await namesOf(folder)).filter(isOld);
    if (old.length === 0) return;
    for (const name of old) await removeEntry(folder, name).catch(() => undefined);
  }
}

function sessionLock(id: string): string {
  return `whittle-session-${id}`;
}

/** Resolves when the lock is ours; it is let go when this Worker or page ends, or `until` resolves. */
export function holdLock(name: string, mode: LockMode, until: Promise<void> = new Promise(() => {})): Promise<void> {
  if (typeof navigator === 'undefined' || !navigator.locks) return Promise.resolve();
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, { mode }, () => {
        resolve();
        return until;
      })
      .catch(reject);
  });
}

/** Calls back once nobody holds the lock any more. */
export function watchLock(name: string, signal: AbortSignal, onFree: () => void): void {
  navigator.locks?.request(name, { signal }, () => onFree()).catch(() => undefined);
}

async function removeLeftovers(sessions: FileSystemDirectoryHandle, own: string): Promise<void> {
  // Without locks nobody can tell a living session from a dead one.
  if (!navigator.locks) return;
  // What a page wrote down of a session is the person's, until they delete it.
  const kept = await listSessions().then(
    (all) => new Set(all.map(({ id }) => id)),
    () => undefined,
  );
  // Who cannot tell deletes nothing.
  if (!kept) return;
  for (const id of await namesOf(sessions)) {
    if (id === own || kept.has(id)) continue;
    await navigator.locks.request(sessionLock(id), { ifAvailable: true }, async (lock) => {
      // A file that the browser still holds open (a download, say) stays until the next start.
      if (lock) await removeEntry(sessions, id).catch(() => undefined);
    });
  }
}

async function namesOf(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}
