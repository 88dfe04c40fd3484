import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cachedFiles, deleteCached, folderPath, holdModel, listCache } from '../../src/platform/hub/cache.ts';
import { type DownloadOptions, downloadModel } from '../../src/platform/hub/download.ts';
import { lookUp } from '../../src/platform/hub/lookup.ts';
import { type HubPlan, planOf, totalBytes } from '../../src/platform/hub/types.ts';
import { type FakeOpfs, installFakeOpfs } from '../platform/fake_opfs.ts';
import { type HubServer, sendFile, startHubServer } from './hub_server.ts';
import { caught, seededBytes, sha256Of, testOptions } from './support.ts';

const ID = 'someone/tiny';
const WEIGHTS = 'model.safetensors';
const SIZE = 100_000;

let opfs: FakeOpfs;
let hub: HubServer;
let plan: HubPlan;

beforeEach(async () => {
  opfs = installFakeOpfs();
  hub = await startHubServer(
    ID,
    new Map([
      ['config.json', new TextEncoder().encode('{"model_type":"llama"}')],
      ['tokenizer.json', new TextEncoder().encode('{}')],
      [WEIGHTS, seededBytes(SIZE)],
    ]),
  );
  const { signal } = new AbortController();
  const listing = await lookUp(hub.endpoint, { id: ID, revision: 'main' }, testOptions(), signal);
  plan = planOf(listing, listing.choices[0]);
  hub.requests.length = 0;
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await hub.close();
});

const download = (change: Partial<DownloadOptions> = {}) => downloadModel(plan, testOptions(change));
const onDisk = (name: string) => opfs.file(`/${folderPath(plan)}/${name}`);
const ranges = () => hub.requests.filter(({ host }) => host === 'files').map(({ range }) => range);

/** Cancels as soon as so many bytes are on disk. */
function cancelAt(bytes: number): Partial<DownloadOptions> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onProgress: ({ held_bytes }) => held_bytes >= bytes && controller.abort(),
  };
}

async function expectComplete(): Promise<void> {
  const files = await cachedFiles(plan);
  expect(files.map(({ name }) => name)).toEqual(['config.json', 'tokenizer.json', WEIGHTS]);
  for (const { name, file } of files) {
    const bytes = Buffer.from(await file.arrayBuffer());
    expect(bytes.equals(hub.files.get(name) as Uint8Array), name).toBe(true);
  }
}

describe('a download', () => {
  it('comes in ranges through the redirect, checked, and is told as it goes', async () => {
    const told: number[] = [];
    await download({ onProgress: ({ held_bytes }) => told.push(held_bytes) });
    await expectComplete();
    expect(ranges()).toEqual(['bytes=0-39999', 'bytes=40000-79999', 'bytes=80000-99999']);
    expect(told.at(-1)).toBe(totalBytes(plan.files));
    expect(told).toEqual([...told].sort((a, b) => a - b));
    // If-Range would need a preflight, which file hosts do not allow.
    expect(hub.requests.every(({ headers }) => !headers['if-range'] && !headers.cookie && !headers.referer)).toBe(true);
    expect(onDisk(WEIGHTS).flushes).toBeGreaterThan(0);
    expect(onDisk(WEIGHTS).isLocked).toBe(false);
  });

  it('asks nothing for what is already there', async () => {
    await download();
    hub.requests.length = 0;
    await download();
    expect(hub.requests).toEqual([]);
  });

  it('shows each file once it is checked, so that a model that cannot be read costs no weights', async () => {
    const unknown = new Error('unknown architecture');
    const onFile = vi.fn(async (name: string, file: File) => {
      if (name === 'config.json') expect(await file.text()).toBe('{"model_type":"llama"}');
      throw unknown;
    });
    await expect(download({ onFile })).rejects.toBe(unknown);
    expect(hub.requests.map(({ path }) => path.split('/').pop())).toEqual(['config.json']);
  });
});

describe('a cancel', () => {
  it('keeps what has come, and the next download takes it up there', async () => {
    hub.pace_ms = 1;
    expect(await caught(() => download(cancelAt(50_000)))).toMatchObject({ code: 'cancelled' });
    const held = onDisk(WEIGHTS).bytes.length;
    expect(held).toBeGreaterThanOrEqual(40_000);
    expect(held).toBeLessThan(SIZE);
    const [entry] = (await listCache()).entries;
    expect(entry).toMatchObject({ is_complete: false, plan: { id: ID } });
    expect(await caught(() => cachedFiles(plan))).toMatchObject({ code: 'missing_shard' });

    hub.requests.length = 0;
    hub.pace_ms = 0;
    const received: number[] = [];
    // As after a reload: the plan is what the journal remembers.
    plan = entry.plan;
    await download({ onProgress: ({ received_bytes }) => received.push(received_bytes) });
    await expectComplete();
    expect(ranges()[0]).toBe(`bytes=${held}-${Math.min(SIZE, held + 40_000) - 1}`);
    expect(received.at(-1)).toBe(SIZE - held);
    expect((await listCache()).entries[0].is_complete).toBe(true);
  });

  it('ends a wait at once', async () => {
    hub.misbehave = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    const controller = new AbortController();
    const started = performance.now();
    const { delayFor } = await import('../../src/platform/hub/patience.ts');
    const running = download({
      signal: controller.signal,
      delay: delayFor,
      onProgress: ({ waiting }) => waiting && controller.abort(),
    });
    expect(await caught(() => running)).toMatchObject({ code: 'cancelled' });
    expect(performance.now() - started).toBeLessThan(900);
  });
});

describe('a bad connection', () => {
  it('is asked again for the rest when bodies break off', async () => {
    hub.misbehave = async ({ host, range }, response, count) => {
      if (host !== 'files' || count > 3) return false;
      const start = Number(/\d+/.exec(range ?? '')?.[0]);
      response.writeHead(206, {
        'Content-Length': 40_000,
        'Content-Range': `bytes ${start}-${start + 39_999}/${SIZE}`,
      });
      response.write((hub.files.get(WEIGHTS) as Uint8Array).subarray(start, start + 7_000), () => response.destroy());
      return true;
    };
    await download();
    await expectComplete();
    expect(ranges().slice(0, 4)).toEqual([0, 7_000, 14_000, 21_000].map((at) => `bytes=${at}-${at + 39_999}`));
  });

  it('is asked again when an answer ends early without an error', async () => {
    hub.misbehave = ({ host, range }, response, count) => {
      if (host !== 'files' || count > 1) return false;
      response.writeHead(206, { 'Content-Range': `bytes 0-39999/${SIZE}` });
      response.end((hub.files.get(WEIGHTS) as Uint8Array).subarray(0, 1234));
      return range !== undefined;
    };
    await download();
    await expectComplete();
    expect(ranges()[1]).toBe('bytes=1234-41233');
  });

  it('survives 500, 503 and 429, waiting as it is told', async () => {
    hub.misbehave = ({ host }, response, count) => {
      const status = host === 'files' && [500, 503, 429][count - 1];
      if (!status) return false;
      response.writeHead(status, status === 429 ? { 'Retry-After': '30' } : {}).end();
      return true;
    };
    const options = testOptions();
    const reasons: string[] = [];
    await downloadModel(plan, { ...options, onProgress: ({ waiting }) => waiting && reasons.push(waiting.reason) });
    await expectComplete();
    expect(options.waits.ms).toEqual([1000, 2000, 30_000]);
    expect(reasons).toHaveLength(3);
    expect(reasons[2]).toMatch(/asks to wait/);
  });

  it('gets a fresh address when the one of the file host has expired', async () => {
    hub.misbehave = ({ host }, response, count) => {
      if (host !== 'files' || count !== 2) return false;
      response.writeHead(403).end();
      return true;
    };
    await download();
    await expectComplete();
  });

  it('is given up after failing again and again, with a reason, and keeps what it had', async () => {
    hub.misbehave = ({ host, range }, response) => {
      if (host !== 'files' || range?.startsWith('bytes=0-')) return false;
      response.destroy();
      return true;
    };
    const options = testOptions();
    expect(await caught(() => downloadModel(plan, options))).toMatchObject({
      code: 'hub_unreachable',
      place: { file: WEIGHTS },
    });
    expect(options.waits.ms).toEqual([1000, 2000, 4000, 8000, 16_000]);
    expect(onDisk(WEIGHTS).bytes.length).toBe(40_000);
  });

  it('does not wait for ever for bytes that do not come', async () => {
    hub.misbehave = ({ host }, response, count) => {
      if (host !== 'files' || count > 1) return false;
      response.writeHead(206, { 'Content-Length': 40_000, 'Content-Range': `bytes 0-39999/${SIZE}` });
      response.write(new Uint8Array((hub.files.get(WEIGHTS) as Uint8Array).subarray(0, 10)));
      return true;
    };
    await download({ stall_ms: 50 });
    await expectComplete();
    expect(ranges()[1]).toBe('bytes=10-40009');
  });
});

describe('a server without ranges', () => {
  it('is taken from the start, whole', async () => {
    hub.misbehave = async (request, response) => {
      if (request.host !== 'files') return false;
      await sendFile(hub, { ...request, range: undefined }, response, WEIGHTS);
      return true;
    };
    await download();
    await expectComplete();
    expect(ranges()).toHaveLength(1);
  });

  it('starts anew when it breaks off, and does not go on for ever', async () => {
    hub.misbehave = ({ host }, response) => {
      if (host !== 'files') return false;
      response.writeHead(200, { 'Content-Length': SIZE });
      response.write((hub.files.get(WEIGHTS) as Uint8Array).subarray(0, 30_000), () => response.destroy());
      return true;
    };
    expect(await caught(() => download())).toMatchObject({ code: 'hub_unreachable' });
    expect(ranges()).toHaveLength(6);
  });
});

describe('a file that is not the listed one', () => {
  it('is removed when its SHA-256 is wrong, and both are named', async () => {
    const listed = sha256Of(hub.files.get(WEIGHTS) as Uint8Array);
    const altered = seededBytes(SIZE, 2);
    hub.files.set(WEIGHTS, altered);
    const error = await caught(() => download());
    expect(error).toMatchObject({ code: 'wrong_hash', place: { file: WEIGHTS } });
    expect(error.message).toContain(listed);
    expect(error.message).toContain(sha256Of(altered));
    expect(onDisk(WEIGHTS).bytes.length).toBe(0);
    // Once the server is right again, nothing of the wrong file is in the way.
    hub.files.set(WEIGHTS, seededBytes(SIZE));
    await download();
    await expectComplete();
  });

  it('is found by its git hash where it is small', async () => {
    hub.files.set('config.json', new TextEncoder().encode('{"model_type":"LLAMA"}'));
    expect(await caught(() => download())).toMatchObject({ code: 'wrong_hash', place: { file: 'config.json' } });
    expect(hub.requests.some(({ host }) => host === 'files')).toBe(false);
  });

  it('is found when bytes on the disk were spoilt between two visits', async () => {
    hub.pace_ms = 1;
    await caught(() => download(cancelAt(50_000)));
    onDisk(WEIGHTS).bytes[1000] ^= 1;
    hub.pace_ms = 0;
    expect(await caught(() => download())).toMatchObject({ code: 'wrong_hash' });
  });

  it.each([
    ['longer', SIZE + 1],
    ['shorter', SIZE - 1],
  ])('is refused when it is %s', async (_, size) => {
    hub.files.set(WEIGHTS, seededBytes(size));
    const error = await caught(() => download());
    expect(error).toMatchObject({ code: 'file_changed', place: { file: WEIGHTS } });
    expect(error.message).toContain(String(size));
    expect(onDisk(WEIGHTS).bytes.length).toBe(0);
  });

  it('is refused when it ends before what is already here (416)', async () => {
    hub.pace_ms = 1;
    await caught(() => download(cancelAt(50_000)));
    hub.pace_ms = 0;
    hub.files.set(WEIGHTS, seededBytes(10));
    hub.misbehave = async (request, response) => {
      if (!request.path.endsWith(WEIGHTS)) return false;
      await sendFile(hub, request, response, WEIGHTS);
      return true;
    };
    expect(await caught(() => download())).toMatchObject({ code: 'file_changed' });
    expect(onDisk(WEIGHTS).bytes.length).toBe(0);
  });

  it('starts again when its ETag changes on the way', async () => {
    hub.pace_ms = 1;
    await caught(() => download(cancelAt(50_000)));
    hub.pace_ms = 0;
    hub.requests.length = 0;
    hub.etag = '"other"';
    await download();
    await expectComplete();
    // The first answer shows the change; the second starts from nothing.
    expect(ranges()[0]).not.toMatch(/^bytes=0-/);
    expect(ranges()[1]).toBe('bytes=0-39999');
  });

  it('is refused when its ETag changes at every request', async () => {
    hub.misbehave = ({ host }, _, count) => {
      if (host === 'files') hub.etag = `"${count}"`;
      return false;
    };
    expect(await caught(() => download())).toMatchObject({ code: 'file_changed' });
  });

  it('is refused when the Hub no longer has it', async () => {
    hub.files.delete(WEIGHTS);
    expect(await caught(() => download())).toMatchObject({ code: 'hub_not_found', place: { file: WEIGHTS } });
  });
});

describe('a full disk', () => {
  it.each([false, true])('is found by trying, before the download (private window: %s)', async (isPrivate) => {
    opfs.isPrivate = isPrivate;
    opfs.quota = 60_000;
    const error = await caught(() => download());
    expect(error).toMatchObject({ code: 'storage_full' });
    expect(error.message).toMatch(/0\.1 MB are still to come/);
    expect(hub.requests).toEqual([]);
    expect(opfs.paths().filter((path) => path.includes('room'))).toEqual([]);
  });

  it('is not believed where the browser only estimates that it is full', async () => {
    const { storage } = navigator;
    (storage as { estimate: unknown }).estimate = async () => ({ quota: 10, usage: 10 });
    await download();
    await expectComplete();
  });

  it.each([false, true])('ends it in the middle, and what has come stays (private window: %s)', async (isPrivate) => {
    opfs.isPrivate = isPrivate;
    // Others fill the disk once the download has begun.
    const onFile = async (name: string) => {
      if (name === 'config.json') opfs.quota = 60_000;
    };
    expect(await caught(() => download({ onFile }))).toMatchObject({ code: 'storage_full', place: { file: WEIGHTS } });
    expect(onDisk(WEIGHTS).bytes.length).toBeGreaterThan(50_000);
    expect(onDisk(WEIGHTS).isLocked).toBe(false);
    opfs.quota = Number.POSITIVE_INFINITY;
    await download();
    await expectComplete();
  });
});

describe('the cache', () => {
  it('lists, deletes, and leaves no folder behind', async () => {
    expect((await listCache()).entries).toEqual([]);
    await download();
    const { entries } = await listCache();
    expect(entries).toMatchObject([
      { is_complete: true, bytes: totalBytes(plan.files), held_bytes: totalBytes(plan.files) },
    ]);
    await deleteCached(plan);
    expect(opfs.paths()).toEqual([]);
    expect((await listCache()).entries).toEqual([]);
    await deleteCached(plan);
  });

  it('is not touched when sessions are cleaned up', async () => {
    await download();
    const { storageSession } = await import('../../src/platform/storage_session.ts');
    await storageSession();
    await expectComplete();
  });

  it('does not call a file complete that has lost bytes', async () => {
    await download();
    onDisk(WEIGHTS).bytes = onDisk(WEIGHTS).bytes.slice(0, 99_999);
    expect((await listCache()).entries[0].is_complete).toBe(false);
    await download();
    await expectComplete();
  });

  it('removes what nobody could see: a folder whose journal cannot be read', async () => {
    await download();
    onDisk('whittle-download.json').bytes = new TextEncoder().encode('{"version":1');
    expect((await listCache()).entries).toEqual([]);
    expect(opfs.paths()).toEqual([]);
  });

  it('neither deletes nor writes a model that is open, and opens it twice', async () => {
    await download();
    const close = [await holdModel(plan), await holdModel(plan)];
    for (const release of close) {
      expect(await caught(() => deleteCached(plan))).toMatchObject({ code: 'hub_busy' });
      release();
      await new Promise((resolve) => setTimeout(resolve));
    }
    await deleteCached(plan);
    expect(opfs.paths()).toEqual([]);
  });

  it('lets one tab download a model at a time', async () => {
    hub.pace_ms = 1;
    let second: Promise<unknown> | undefined;
    await download({
      onProgress: ({ held_bytes }) => {
        if (held_bytes > 0) second ??= caught(() => download());
      },
    });
    expect(await second).toMatchObject({ code: 'hub_busy' });
  });
});
