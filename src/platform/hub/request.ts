/**
 * @file One request to the Hub. Nothing personal goes along: no cookies, no referrer. No header beyond `Range` either: it is
 * the one that a page may send without asking the server first, and file hosts answer that question with no (they do not
 * allow `If-Range`); ETags are compared here instead.
 */
import { WhittleError } from '../../errors/errors.ts';
import { type Asked, faultOfStatus, faultOfThrown, HubFault } from './faults.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A server that sends nothing for so long has lost the connection. */
export const STALL_MS = 60_000;

/**
 * Asks, and hands the successful answer to `use` while a watch runs that `alive` winds up. Throws {@link HubFault} for what
 * may pass, {@link WhittleError} for the rest.
 */
export async function request<T>(
  url: string,
  range: { start: number; end: number } | null,
  { asked, fetch, signal, stall_ms = STALL_MS }: { asked: Asked; fetch: Fetch; signal: AbortSignal; stall_ms?: number },
  use: (response: Response, alive: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  let hasStalled = false;
  const stalled = () => {
    hasStalled = true;
    stop();
  };
  let timer = setTimeout(stalled, stall_ms);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(stalled, stall_ms);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    const response = await fetch(url, {
      headers: range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {},
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      // Gigabytes must not lie on the disk twice.
      cache: 'no-store',
      signal: controller.signal,
    });
    alive();
    if (!response.ok) throw faultOfStatus(response, asked);
    return await use(response, alive);
  } catch (thrown) {
    if (hasStalled && !signal.aborted) throw new HubFault(silent(asked, stall_ms), true);
    throw faultOfThrown(thrown, asked, signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    // Whatever is left of a body is not wanted; this also ends the connection.
    stop();
  }
}

/** Whole JSON text of an answer, at most `limit` bytes of it. */
export async function readJson(response: Response, alive: () => void, limit: number, asked: Asked): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of chunksOf(response)) {
    alive();
    bytes += chunk.byteLength;
    if (bytes > limit) throw unreadable(asked, `it is longer than ${limit} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  try {
    return JSON.parse(text + decoder.decode());
  } catch {
    throw unreadable(asked, `it starts with ${JSON.stringify(text.slice(0, 40))}`);
  }
}

/** The body piece by piece. */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function unreadable({ endpoint }: Asked, why: string): WhittleError {
  return new WhittleError({
    code: 'hub_failed',
    message: `${new URL(endpoint).host} gave an answer that is not the Hub's JSON: ${why}.`,
    action: 'A network that asks for a login first can answer in its place. Try again later.',
  });
}

function silent({ endpoint, file }: Asked, stall_ms: number): WhittleError {
  return new WhittleError({
    code: 'hub_unreachable',
    message: `${new URL(endpoint).host}, or the file host it sends to, sent nothing for ${Math.round(stall_ms / 1000)} s.`,
    place: file === undefined ? undefined : { file },
    action: 'Try again later; what is downloaded stays.',
  });
}
