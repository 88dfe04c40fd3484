/**
 * @file Parts of the program that are fetched when they are first used: a thread starts with little, and what a person
 * never asks for is never loaded.
 */
import { WhittleError } from './errors.ts';

/** A connection that fails once is asked once more. */
const PAUSE_MS = 300;

/**
 * @param load A dynamic import, written out where it is called: the build finds it by that.
 * Throws `site_unreachable` where the part cannot be fetched: without a network, or because the site has a newer build.
 */
export async function part<T>(load: () => Promise<T>, pause_ms = PAUSE_MS): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    // What a module throws while it starts is a fault of its own, and no lack of a network.
    if (!isFetchFailure(cause)) throw cause;
    await new Promise((resolve) => setTimeout(resolve, pause_ms));
    return load().catch((again) => {
      throw isFetchFailure(again) ? unreachable(again) : again;
    });
  }
}

function unreachable(cause: unknown): WhittleError {
  const reason =
    globalThis.navigator?.onLine === false
      ? 'this device is offline.'
      : 'the site does not answer, or it has a newer version by now.';
  return new WhittleError(
    {
      code: 'site_unreachable',
      message: `A part of the app could not be fetched from its site: ${reason}`,
      action: 'Connect and try again. If that does not help, reload the page: what a session keeps stays.',
    },
    { cause },
  );
}

/** As Chromium, Firefox and Safari word it; all of them by a TypeError. */
function isFetchFailure(cause: unknown): boolean {
  return (
    cause instanceof TypeError &&
    /dynamically imported module|importing a module script|module script failed/i.test(cause.message)
  );
}
