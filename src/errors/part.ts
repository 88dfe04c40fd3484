/**
 * @file Parts of the program that are fetched when they are first used: the Worker starts with little, and what a
 * person never asks for is never loaded.
 */
import { WhittleError } from './errors.ts';

/**
 * @param load A dynamic import, written out where it is called: the build finds it by that.
 * Throws `site_unreachable` where the part cannot be fetched: without a network, or because the site has a newer build.
 */
export async function part<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    // What a module throws while it starts is a fault of its own, and no lack of a network.
    if (cause instanceof WhittleError || !isFetchFailure(cause)) throw cause;
    throw new WhittleError(
      {
        code: 'site_unreachable',
        message: `A part of the app could not be fetched from its site: ${
          globalThis.navigator?.onLine === false
            ? 'this device is offline.'
            : 'the site does not answer, or it has a newer version by now.'
        }`,
        action: 'Connect and try again. If that does not help, reload the page: runs of a session stay.',
      },
      { cause },
    );
  }
}

/** Chromium and Safari, Firefox, Node say it in these words; all of them by a TypeError. */
function isFetchFailure(cause: unknown): boolean {
  return cause instanceof TypeError && /import|module script|loading/i.test(cause.message);
}
