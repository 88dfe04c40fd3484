/**
 * @file One folder of OPFS for each running engine. A Web Lock says that its engine lives; folders without one were left by
 * a closed or crashed page and are removed when the next engine starts.
 */
import { openFolder, removeEntry } from './opfs.ts';

const SESSIONS = 'sessions';

let current: Promise<string> | undefined;

/** Path of this engine's folder; made at the first call. */
export function storageSession(): Promise<string> {
  current ??= startSession().catch((thrown) => {
    current = undefined;
    throw thrown;
  });
  return current;
}

async function startSession(): Promise<string> {
  const id = crypto.randomUUID();
  // The lock comes before the folder: another engine that is cleaning up must never see a folder without its lock.
  await holdLock(id);
  const sessions = await openFolder(SESSIONS, true);
  await sessions.getDirectoryHandle(id, { create: true });
  await removeLeftovers(sessions, id);
  return `${SESSIONS}/${id}`;
}

function lockName(id: string): string {
  return `whittle-session-${id}`;
}

/** Resolves when the lock is ours; it is let go when this Worker or page ends. */
function holdLock(id: string): Promise<void> {
  if (!navigator.locks) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const untilTheEnd = new Promise<never>(() => {});
    navigator.locks
      .request(lockName(id), () => {
        resolve();
        return untilTheEnd;
      })
      .catch(reject);
  });
}

async function removeLeftovers(sessions: FileSystemDirectoryHandle, own: string): Promise<void> {
  // Without locks nobody can tell a living session from a dead one.
  if (!navigator.locks) return;
  const ids: string[] = [];
  for await (const id of sessions.keys()) if (id !== own) ids.push(id);
  for (const id of ids) {
    await navigator.locks.request(lockName(id), { ifAvailable: true }, async (lock) => {
      // A file that the browser still holds open (a download, say) stays until the next start.
      if (lock) await removeEntry(sessions, id).catch(() => undefined);
    });
  }
}
