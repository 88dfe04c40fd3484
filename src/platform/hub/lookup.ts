/** @file Asks the Hub what a name stands for. One request; no file is downloaded. */
import { listingUrl } from './endpoint.ts';
import { readListing } from './listing.ts';
import { type Delay, delayFor, Patience } from './patience.ts';
import type { HubReference } from './reference.ts';
import { type Fetch, readJson, request } from './request.ts';
import type { HubListing } from './types.ts';

/** Thousands of files with their hashes. */
const MAX_ANSWER_BYTES = 16_000_000;
const ATTEMPTS = 3;
const LONGEST_WAIT_MS = 10_000;

export interface HubNetwork {
  fetch: Fetch;
  delay?: Delay;
  stall_ms?: number;
}

/** Throws `hub_not_found`, `hub_login_needed`, `hub_rate_limited`, `hub_unreachable`, `hub_failed` or `not_a_model`. */
export async function lookUp(
  endpoint: string,
  { id, revision }: HubReference,
  network: HubNetwork,
  signal: AbortSignal,
): Promise<HubListing> {
  const asked = { endpoint, id, revision };
  const { delay = delayFor } = network;
  const patience = new Patience({ attempts: ATTEMPTS, longest_wait_ms: LONGEST_WAIT_MS, delay, signal });
  for (;;) {
    try {
      const json = await request(
        listingUrl(endpoint, id, revision),
        null,
        { asked, signal, ...network },
        (response, alive) => readJson(response, alive, MAX_ANSWER_BYTES, asked),
      );
      return readListing(json, endpoint, revision);
    } catch (thrown) {
      await patience.afterFault(thrown);
    }
  }
}
