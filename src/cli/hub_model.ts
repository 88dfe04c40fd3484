/**
 * @file `--model hf:OWNER/NAME`: naming it is asking for it. It is downloaded into the browser's profile of this run, and goes
 * with it.
 */
import type { EngineEvent } from '../engine/protocol.ts';
import { pickChoice } from '../platform/hub/choices.ts';
import { parseHubReference } from '../platform/hub/reference.ts';
import { planOf } from '../platform/hub/types.ts';
import type { Driver } from './browser.ts';
import type { CliOptions } from './options.ts';
import type { DownloadedSource } from './page_protocol.ts';

const PREFIX = 'hf:';

/** The model's name on the Hub, or null for a model of another kind. Throws `bad_option`. */
export function hubNameOf({ model, hub_endpoint }: Pick<CliOptions, 'model' | 'hub_endpoint'>): string | null {
  if (!model.startsWith(PREFIX)) return null;
  const name = model.slice(PREFIX.length);
  parseHubReference(name, hub_endpoint);
  return name;
}

/** Throws what the Hub's commands throw, and `bad_option` where the name does not say which weights are meant. */
export async function downloadByName(
  name: string,
  endpoint: string,
  driver: Driver,
  onEvent: (event: EngineEvent) => void,
): Promise<DownloadedSource> {
  const listing = await driver.run('hub_lookup', { name }, onEvent);
  const choice = pickChoice(listing.choices, parseHubReference(name, endpoint).file);
  const plan = planOf(listing, choice);
  await driver.run('hub_download', { plan }, onEvent);
  return { kind: 'hub', key: { id: plan.id, commit: plan.commit, choice: plan.choice } };
}
