/**
 * @file Long work that stops between its parts, so that whoever runs it may breathe there: the calling thread gives its event loop a
 * turn, a compute thread has none that waits.
 */
import { pulse } from '../../pulse/pulse.ts';

/** Each `yield` is such a place. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** @throws What the work or `breathe` throws; the work gives back what it holds. */
export async function inBreaths<T>(steps: Steps<T>, breathe: () => Promise<void> | undefined): Promise<T> {
  try {
    let step = steps.next();
    while (!step.done) {
      const pause = breathe();
      if (pause) await pause;
      step = steps.next();
    }
    return step.value;
  } finally {
    // Nothing, where it is at its end.
    steps.return(undefined as T);
  }
}

/** Without a stop. */
export function atOnce<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (!step.done) {
    pulse();
    step = steps.next();
  }
  return step.value;
}
