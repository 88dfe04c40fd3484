import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { HubListing } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { type HubPlan, planOf } from '../../platform/hub/types.ts';
import { offerOf } from '../store/hub.ts';
import { studioWith, untilCancelled } from '../testing.ts';
import { allowHub, deleteDownloaded, downloadModel, lookUpModel, stopLookUp } from './hub.ts';
import { cancelJob } from './job.ts';
import { openModel } from './open_model.ts';

const LISTING: HubListing = {
  endpoint: 'https://huggingface.co',
  id: 'a/b',
  revision: 'main',
  commit: 'c'.repeat(40),
  choices: [
    { key: 'safetensors', kind: 'safetensors', files: [{ path: 'model.safetensors', bytes: 100 }], bytes: 100 },
    { key: 'b-Q4_0.gguf', kind: 'gguf', files: [{ path: 'b-Q4_0.gguf', bytes: 40 }], bytes: 40 },
  ],
};
const PLAN: HubPlan = planOf(LISTING, LISTING.choices[0]);
const KEY = { id: 'a/b', commit: PLAN.commit, choice: 'safetensors' };
const HUB = {
  hub_lookup: () => LISTING,
  hub_cache: () => ({ entries: [] }),
  hub_download: () => null,
};

function allowed(script: Parameters<typeof studioWith>[0] = {}) {
  const both = studioWith({ ...HUB, ...script });
  allowHub(both.studio, true);
  return both;
}

const reachTheEngine = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  return () => vi.unstubAllGlobals();
});

describe('the switch', () => {
  it('is off at first, and while it is off nothing is sent', async () => {
    const { studio, engine } = studioWith(HUB);
    expect(studio.store.getState().hub.allowed).toBe(false);
    await lookUpModel(studio, 'a/b');
    await downloadModel(studio, PLAN);
    expect(engine.commands).toEqual([]);
  });

  it('is remembered, and stops a look-up when it is turned off', async () => {
    const { studio } = allowed({ hub_lookup: (_, __, signal) => untilCancelled(signal) });
    const { loadHubConsent } = await import('../hub_consent.ts');
    expect(loadHubConsent()).toBe(true);
    const looking = lookUpModel(studio, 'a/b');
    expect(studio.store.getState().hub.looking_up).toBe(true);
    await reachTheEngine();
    allowHub(studio, false);
    await looking;
    expect(loadHubConsent()).toBe(false);
    expect(studio.store.getState().hub).toMatchObject({ looking_up: false, failure: null, listing: null });
  });
});

describe('looking up', () => {
  it('offers safetensors first, or what the name means', async () => {
    const { studio } = allowed();
    await lookUpModel(studio, 'a/b');
    expect(offerOf(studio.store.getState().hub)).toMatchObject({ plan: PLAN, missing_bytes: 100 });
    await lookUpModel(studio, 'a/b:q4_0');
    expect(studio.store.getState().hub.choice).toBe('b-Q4_0.gguf');
  });

  it('says in its place what went wrong, and keeps it out of the job', async () => {
    const { studio } = allowed({
      hub_lookup: () => {
        throw new WhittleError({ code: 'hub_not_found', message: 'No such model.' });
      },
    });
    await lookUpModel(studio, 'a/b');
    const { hub, job } = studio.store.getState();
    expect(hub).toMatchObject({ looking_up: false, failure: { error: { code: 'hub_not_found' } } });
    expect(job.state).toBe('idle');
  });

  it('can be stopped without a word', async () => {
    const { studio } = allowed({ hub_lookup: (_, __, signal) => untilCancelled(signal) });
    const looking = lookUpModel(studio, 'a/b');
    await reachTheEngine();
    stopLookUp(studio);
    await looking;
    expect(studio.store.getState().hub).toMatchObject({ looking_up: false, failure: null });
  });
});

describe('what is offered', () => {
  const entry = { plan: PLAN, bytes: 100, held_bytes: 70, is_complete: false, used_at: 0 };
  const cache = (change: object) => async () => ({ entries: [{ ...entry, ...change }] });

  it('counts only what is missing', async () => {
    const { studio } = allowed({ hub_cache: cache({}) });
    await lookUpModel(studio, 'a/b');
    expect(offerOf(studio.store.getState().hub)).toMatchObject({ missing_bytes: 30 });
  });

  it('is nothing to download where all is here', async () => {
    const { studio } = allowed({ hub_cache: cache({ held_bytes: 100, is_complete: true }) });
    await lookUpModel(studio, 'a/b');
    expect(offerOf(studio.store.getState().hub)).toMatchObject({ missing_bytes: 0 });
  });
});

describe('downloading', () => {
  it('opens the model when it has come, from this device', async () => {
    const { studio, engine } = allowed();
    await lookUpModel(studio, 'a/b');
    await downloadModel(studio, PLAN);
    expect(engine.kinds().filter((kind) => kind !== 'hub_cache')).toEqual([
      'hub_lookup',
      'hub_download',
      'open',
      'set_texts',
      'evaluate',
      'calibrate',
    ]);
    const { source, hub } = studio.store.getState();
    expect(source).toEqual({ kind: 'hub', key: KEY });
    expect(hub.listing).toBeNull();
  });

  it('leaves the offer and the open model as they were when it is cancelled', async () => {
    const { studio, engine } = allowed({ hub_download: (_, __, signal) => untilCancelled(signal) });
    await openModel(studio, { kind: 'demo' });
    await lookUpModel(studio, 'a/b');
    const running = downloadModel(studio, PLAN);
    await vi.waitFor(() => expect(engine.kinds()).toContain('hub_download'));
    cancelJob(studio);
    await running;
    const { job, hub, source } = studio.store.getState();
    expect(job).toMatchObject({ state: 'finished', kind: 'download', outcome: 'cancelled' });
    expect(hub).toMatchObject({ listing: LISTING, failure: null });
    expect(source).toEqual({ kind: 'demo' });
  });

  it('says why it failed beside the button', async () => {
    const { studio } = allowed({
      hub_download: () => {
        throw new WhittleError({ code: 'wrong_hash', message: 'Not the listed file.' });
      },
    });
    await downloadModel(studio, PLAN);
    expect(studio.store.getState().hub.failure).toMatchObject({ error: { code: 'wrong_hash' } });
  });

  it('does not stop a job that runs', async () => {
    const { studio, engine } = allowed({ evaluate: (_, __, signal) => untilCancelled(signal) });
    const opening = openModel(studio, { kind: 'demo' });
    await vi.waitFor(() => expect(engine.kinds()).toContain('evaluate'));
    await downloadModel(studio, PLAN);
    expect(engine.kinds()).not.toContain('hub_download');
    cancelJob(studio);
    await opening;
  });
});

it('shows what is left after a delete that could not delete all', async () => {
  const left = { entries: [] };
  const { studio } = allowed({
    hub_delete: () => {
      throw new WhittleError({ code: 'hub_busy', message: 'a/b is in use.' });
    },
    hub_cache: () => left,
  });
  await deleteDownloaded(studio, [KEY]);
  expect(studio.store.getState().hub).toMatchObject({ failure: { error: { code: 'hub_busy' } }, cache: left });
});
