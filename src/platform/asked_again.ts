/**
 * @file Opening a file that locks it, asked for again where no answer comes. Chromium's storage sometimes never answers an open
 * (seen with 156, after a reload: the page's next engine opened a file of a new name, and a minute later nothing had come),
 * and answers the next one at once.
 */
import { isNamed } from './named.ts';

export interface Patience {
  /** Asked so often, then what has not come is waited for. */
  readonly times: number;
  readonly after_ms: number;
}

/** A slow disk opens within this; whoever watches a job for standing still waits longer. */
const PATIENCE: Patience = { times: 5, after_ms: 8000 };

/**
 * The first that comes; what comes later is closed. Rejects as the first ask does; of a later one a lock is no answer, for the lock may
 * be that of an ask whose answer was lost.
 */
export function askedAgain<Handle extends { close(): void }>(
  ask: () => Promise<Handle>,
  { times, after_ms }: Patience = PATIENCE,
): Promise<Handle> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    let asked = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answered = () => {
      isAnswered = true;
      clearTimeout(timer);
    };
    const once = () => {
      const isFirst = asked === 0;
      asked += 1;
      ask().then(
        (handle) => {
          if (isAnswered) return handle.close();
          answered();
          resolve(handle);
        },
        (thrown) => {
          if (isAnswered || (!isFirst && isNamed(thrown, 'NoModificationAllowedError'))) return;
          answered();
          reject(thrown);
        },
      );
      if (asked < times) timer = setTimeout(once, after_ms);
    };
    once();
  });
}
