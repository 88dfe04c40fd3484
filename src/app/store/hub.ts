/** @file What the studio knows of the Hub and of the models that were downloaded from it. */
import type { HubCache, HubCacheEntry, HubChoice, HubListing, HubPlan } from '../../engine/protocol.ts';
import type { ErrorData } from '../../errors/errors.ts';
import { isSameModel, planOf } from '../../platform/hub/types.ts';

export interface HubState {
  /** The person's switch: while it is off, no request is sent. */
  allowed: boolean;
  looking_up: boolean;
  listing: HubListing | null;
  /** Key of the chosen weights in the listing. */
  choice: string | null;
  /** Null until the browser's storage was read. */
  cache: HubCache | null;
  /** What the last thing asked for here met. */
  failure: { title: string; error: ErrorData } | null;
}

export const NO_HUB: HubState = {
  allowed: false,
  looking_up: false,
  listing: null,
  choice: null,
  cache: null,
  failure: null,
};

export function chosen({ listing, choice }: HubState): HubChoice | undefined {
  return listing?.choices.find(({ key }) => key === choice);
}

/** What a download of the chosen weights would take. */
export interface Offer {
  plan: HubPlan;
  problem?: string;
  /** What lies on this device already, whole or in part. */
  cached?: HubCacheEntry;
  missing_bytes: number;
}

export function offerOf(state: HubState): Offer | null {
  const choice = chosen(state);
  if (!state.listing || !choice) return null;
  const plan = planOf(state.listing, choice);
  const cached = state.cache?.entries.find((entry) => isSameModel(entry.plan, plan));
  const missing_bytes = cached?.is_complete ? 0 : Math.max(0, choice.bytes - (cached?.held_bytes ?? 0));
  return {
    plan,
    problem: choice.problem,
    cached,
    missing_bytes,
  };
}
