/** The Hub through the engine: look up, download, open without the network, delete. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import { downloadMeter } from '../../src/engine/hub_progress.ts';
import type { EngineEvent, HubListing } from '../../src/engine/protocol.ts';
import { type HubKey, planOf } from '../../src/platform/hub/types.ts';
import { tinyLlama } from '../fixtures/tiny_llama.ts';
import { type FakeOpfs, installFakeOpfs } from '../platform/fake_opfs.ts';
import { memoryPlatform } from '../support/memory_platform.ts';
import { type HubServer, startHubServer } from './hub_server.ts';
import { caught } from './support.ts';

const ID = 'someone/tiny';

let opfs: FakeOpfs;
let hub: HubServer;
let engine: Engine;

beforeEach(async () => {
  opfs = installFakeOpfs();
  const files = await tinyLlama({ folder: '', shards: 2 });
  const entries = files.map(async ({ path, blob }) => [path, new Uint8Array(await blob.arrayBuffer())] as const);
  hub = await startHubServer(ID, new Map(await Promise.all(entries)));
  engine = newEngine();
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await hub.close();
});

function newEngine(): Engine {
  return new Engine(memoryPlatform({ hub: { endpoint: hub.endpoint, fetch: (url, init) => fetch(url, init) } }));
}

async function download(events: EngineEvent[] = []): Promise<HubKey> {
  const listing = await engine.run('hub_lookup', { name: ID });
  const plan = planOf(listing, listing.choices[0]);
  await engine.run('hub_download', { plan }, (event) => events.push(event));
  return plan;
}

describe('a model by name', () => {
  it('is downloaded, opened from disk without a request, and deleted', async () => {
    const events: EngineEvent[] = [];
    const key = await download(events);
    expect(events.at(-1)).toMatchObject({ type: 'progress', stage: 'download', fraction: 1 });
    hub.requests.length = 0;

    const other = newEngine();
    await other.run('start', { backend: 'cpu' });
    const summary = await other.run('open', { source: { kind: 'hub', key } });
    expect(summary).toMatchObject({ name: 'tiny', architecture: 'LlamaForCausalLM' });
    expect(summary.files.map(({ name }) => name)).toContain('model-00001-of-00002.safetensors');
    expect((await other.run('hub_cache', {})).entries).toMatchObject([{ is_complete: true }]);

    // Open models are kept; opening another lets go of them.
    expect(await caught(() => engine.run('hub_delete', { keys: [key] }))).toMatchObject({ code: 'hub_busy' });
    await other.run('open', { source: { kind: 'demo' } });
    await vi.waitFor(async () => expect((await engine.run('hub_delete', { keys: [key] })).entries).toEqual([]));
    expect(opfs.paths()).toEqual([]);
    expect(hub.requests).toEqual([]);
    expect(await caught(() => other.run('open', { source: { kind: 'hub', key } }))).toMatchObject({
      code: 'missing_shard',
    });
  });

  it('costs no weights when its architecture cannot be read', async () => {
    hub.files.set(
      'config.json',
      new TextEncoder().encode('{"model_type":"mamba","architectures":["MambaForCausalLM"]}'),
    );
    expect(await caught(() => download())).toMatchObject({ code: 'unknown_architecture' });
    expect(hub.requests.filter(({ host }) => host === 'files')).toEqual([]);
  });

  it('is asked for at the endpoint of this app, whatever a plan says', async () => {
    const listing: HubListing = await engine.run('hub_lookup', { name: ID });
    const plan = { ...planOf(listing, listing.choices[0]), endpoint: 'http://elsewhere.invalid' };
    await engine.run('hub_download', { plan });
    expect((await engine.run('hub_cache', {})).entries[0].plan.endpoint).toBe(hub.endpoint);
  });

  it('may be looked up and listed while a job runs', async () => {
    let finish = () => {};
    const busy = new Engine(
      memoryPlatform({
        hub: { endpoint: hub.endpoint, fetch: (url, init) => fetch(url, init) },
        createBackend: () => new Promise((_, reject) => (finish = () => reject(new Error('no backend')))),
      }),
    );
    const job = busy.run('start', { backend: 'cpu' });
    expect((await busy.run('hub_lookup', { name: ID })).id).toBe(ID);
    expect((await busy.run('hub_cache', {})).entries).toEqual([]);
    finish();
    await expect(job).rejects.toThrow('no backend');
  });

  it('makes no request unless one of its two commands is sent', async () => {
    await engine.run('start', { backend: 'cpu' });
    await engine.run('open', { source: { kind: 'demo' } });
    await engine.run('hub_cache', {});
    await engine.run('hub_delete', { keys: [] });
    expect(hub.requests).toEqual([]);
  });
});

describe('the progress of a download', () => {
  const at = (step: Partial<Parameters<ReturnType<typeof downloadMeter>>[0]>) => ({
    held_bytes: 0,
    total_bytes: 100e6,
    received_bytes: 0,
    file: 'model.safetensors',
    ...step,
  });

  it('counts only what comes now for its rate, and is not told too often', () => {
    const events: EngineEvent[] = [];
    let now = 0;
    const tell = downloadMeter(
      (event) => events.push(event),
      () => ({ current_gpu_bytes: 0, peak_gpu_bytes: 0 }),
      () => now,
    );
    // 60 MB were there before; 2 MB a second come now.
    for (; now <= 4000; now += 10) tell(at({ held_bytes: 60e6 + now * 2000, received_bytes: now * 2000 }));
    expect(events.length).toBeLessThan(40);
    const last = events.at(-1) as Extract<EngineEvent, { type: 'progress' }>;
    expect(last.bytes_per_second).toBeCloseTo(2e6, -4);
    expect(last.eta_seconds).toBeCloseTo(16, 0);
    expect(last.step).toMatch(/^model\.safetensors, 6\d\.\d of 100\.0 MB$/);
    tell(at({ waiting: { seconds: 12, reason: 'The Hub asks to wait.' } }));
    expect(events.at(-1)).toMatchObject({ step: 'waiting 12 s: The Hub asks to wait.', eta_seconds: undefined });
  });
});
