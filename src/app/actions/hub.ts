/** @file Models by name: looking up, downloading, opening from this device, deleting. Nothing is sent while it is not allowed. */
import type { HubCache, HubKey, HubPlan } from '../../engine/protocol.ts';
import { toErrorData } from '../../errors/errors.ts';
import { preferredChoice } from '../../platform/hub/choices.ts';
import { endpointHost } from '../../platform/hub/endpoint.ts';
import { parseHubReference } from '../../platform/hub/reference.ts';
import { requestPersistence } from '../../platform/opfs.ts';
import { saveHubConsent } from '../hub_consent.ts';
import { changeHub } from '../store/store.ts';
import type { Studio } from '../studio.ts';
import { isOccupied, runJob } from './job.ts';
import { openAsked } from './open_model.ts';

/** The look-up that runs, for stopping it. */
const lookUps = new WeakMap<Studio, AbortController>();

export function allowHub(studio: Studio, allowed: boolean): void {
  if (!allowed) stopLookUp(studio);
  saveHubConsent(allowed);
  changeHub(studio.store, { allowed });
}

/** Sends the one request that tells what a name stands for. Jobs go on meanwhile. */
export async function lookUpModel(studio: Studio, name: string): Promise<void> {
  const { store, engine } = studio;
  if (!store.getState().hub.allowed) return;
  stopLookUp(studio);
  const controller = new AbortController();
  lookUps.set(studio, controller);
  changeHub(store, { looking_up: true, listing: null, choice: null, failure: null });
  try {
    const listing = await engine.run('hub_lookup', { name }, { signal: controller.signal });
    if (lookUps.get(studio) !== controller) return;
    const { file } = parseHubReference(name, listing.endpoint);
    changeHub(store, { looking_up: false, listing, choice: preferredChoice(listing.choices, file).key });
    await refreshCache(studio);
  } catch (thrown) {
    if (lookUps.get(studio) !== controller) return;
    const error = toErrorData(thrown);
    const failure = error.code === 'cancelled' ? null : { title: 'Looking up: failed', error };
    changeHub(store, { looking_up: false, failure });
  }
}

export function stopLookUp(studio: Studio): void {
  lookUps.get(studio)?.abort();
}

/** Downloads what is missing, then opens the model. A cancel or a fault keeps what has come. */
export async function downloadModel(studio: Studio, plan: HubPlan): Promise<void> {
  const { store } = studio;
  if (!store.getState().hub.allowed || isOccupied(studio)) return;
  changeHub(store, { failure: null });
  // Asked here, because only a page may; a refusal changes nothing but how long the browser keeps the files.
  void requestPersistence().catch(() => false);
  const title = `Download from ${endpointHost(plan.endpoint)}`;
  const steps = [{ command: 'hub_download', label: plan.id }] as const;
  const isDone = await runJob(studio, 'download', title, steps, async (job) => {
    await job.run('hub_download', { plan });
  });
  const { job } = store.getState();
  if (!isDone && job.state === 'failed' && job.kind === 'download') {
    changeHub(store, { failure: { title: 'Download: failed', error: job.error } });
  }
  await refreshCache(studio);
  if (!isDone) return;
  // It now stands among the downloaded models.
  changeHub(store, { listing: null, choice: null });
  await openDownloaded(studio, plan);
}

/** Opens a model that lies on this device; no request is made. */
export async function openDownloaded(studio: Studio, { id, commit, choice }: HubKey): Promise<void> {
  await openAsked(studio, { kind: 'hub', key: { id, commit, choice } }, id);
  await refreshCache(studio);
}

export async function refreshCache(studio: Studio): Promise<void> {
  await keepCache(studio, 'Downloaded models: failed', () => studio.engine.run('hub_cache', {}));
}

export async function deleteDownloaded(studio: Studio, keys: readonly HubKey[]): Promise<void> {
  const plain = keys.map(({ id, commit, choice }) => ({ id, commit, choice }));
  changeHub(studio.store, { failure: null });
  await keepCache(studio, 'Delete: failed', () => studio.engine.run('hub_delete', { keys: plain }));
  // Some may be gone where one was in use.
  if (studio.store.getState().hub.failure) {
    const cache = await studio.engine.run('hub_cache', {}).catch(() => null);
    if (cache) changeHub(studio.store, { cache });
  }
}

async function keepCache({ store }: Studio, title: string, read: () => Promise<HubCache>): Promise<void> {
  try {
    changeHub(store, { cache: await read() });
  } catch (thrown) {
    changeHub(store, { failure: { title, error: toErrorData(thrown) } });
  }
}
