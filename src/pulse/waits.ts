/**
 * @file What a thread waits for that is not its own work: a file, the browser's storage, a part of the program. Where nothing
 * moves any more, whoever tells it can say what was waited for.
 */

const open = new Set<{ readonly what: string; readonly since: number }>();

/** @param what For people, behind "waits for". */
export async function waitingFor<T>(what: string, answer: Promise<T>): Promise<T> {
  const wait = { what, since: performance.now() };
  open.add(wait);
  try {
    return await answer;
  } finally {
    open.delete(wait);
  }
}

/** The oldest that has not been answered. */
export function longestWait(): { readonly what: string; readonly ms: number } | undefined {
  const [oldest] = open;
  return oldest && { what: oldest.what, ms: performance.now() - oldest.since };
}
