/** @file What the tests of the Hub share: typed refusals, a clock that does not wait, and files as the Hub has them. */
import { createHash } from 'node:crypto';
import { cancelled, WhittleError } from '../../src/errors/errors.ts';
import { Sha256 } from '../../src/formats/sha256.ts';
import type { DownloadOptions } from '../../src/platform/hub/download.ts';

/** What `act` throws, which has to be a {@link WhittleError}. */
export async function caught(act: () => Promise<unknown>): Promise<WhittleError> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof WhittleError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

export function seededBytes(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  });
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface Waits {
  ms: number[];
}

/** Options of a download over the real `fetch`, with small ranges and waits that are noted and not waited. */
export function testOptions(change: Partial<DownloadOptions> = {}): DownloadOptions & { waits: Waits } {
  const waits: Waits = { ms: [] };
  return {
    waits,
    fetch: (url, init) => fetch(url, init),
    delay: async (ms, signal) => {
      waits.ms.push(ms);
      if (signal.aborted) throw cancelled();
    },
    createSha256: () => new Sha256(),
    signal: new AbortController().signal,
    range_bytes: 40_000,
    ...change,
  };
}
