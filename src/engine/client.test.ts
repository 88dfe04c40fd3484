import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineClient } from './client.ts';
import { SILENCE_S } from './life_watch.ts';
import type { FromEngine, ToEngine } from './protocol.ts';

/** Stands for the browser's Worker; the test answers in its place. */
class FakeWorker {
  static readonly all: FakeWorker[] = [];
  readonly sent: ToEngine[] = [];
  isEnded = false;
  onmessage: ((event: { data: FromEngine }) => void) | null = null;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null = null;
  onmessageerror: (() => void) | null = null;
  constructor() {
    FakeWorker.all.push(this);
  }
  postMessage(message: ToEngine) {
    this.sent.push(message);
  }
  terminate() {
    this.isEnded = true;
  }
  say(data: FromEngine) {
    this.onmessage?.({ data });
  }
  /** Id of the last command. */
  get command(): number {
    return (this.sent.findLast(({ type }) => type === 'command') as { id: number }).id;
  }
}

let releaseLock: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  FakeWorker.all.length = 0;
  releaseLock = [];
  vi.stubGlobal('Worker', FakeWorker);
  vi.stubGlobal('document', { baseURI: 'http://app.invalid/', querySelector: () => null });
  const request = (_: string, options: object, callback?: () => void) => {
    if ('signal' in options) releaseLock.push(callback as () => void);
    return Promise.resolve();
  };
  vi.stubGlobal('navigator', { locks: { request } });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function startedClient() {
  const client = new EngineClient();
  const [worker] = FakeWorker.all;
  worker.say({ type: 'alive', lock: 'life' });
  const told: string[] = [];
  client.onStopped(({ message }) => told.push(message));
  return { client, worker, told };
}

describe('a Worker that died', () => {
  const deaths: [string, (worker: FakeWorker) => void, RegExp][] = [
    ['by its Web Lock', () => releaseLock[0](), /memory runs out/],
    ['by its silence', () => vi.advanceTimersByTime(1000 * (SILENCE_S + 1)), /no sign of life for 5 s/],
    ['by an uncaught error', (w) => w.onerror?.({ message: 'boom', preventDefault() {} }), /boom/],
  ];
  it.each(deaths)('is known %s: its commands fail, and another takes its place', async (_, die, reason) => {
    const { client, worker, told } = startedClient();
    const failed = client.run('memory', {}).catch((error) => error);
    die(worker);
    expect(await failed).toMatchObject({ code: 'engine_stopped', message: expect.stringMatching(reason) });
    expect(worker.isEnded).toBe(true);
    expect(told).toHaveLength(1);
    const next = FakeWorker.all[1];
    expect(next.sent[0]).toMatchObject({ type: 'init', generation: 1 });
    expect((next.sent[0] as { session: string }).session).toBe((worker.sent[0] as { session: string }).session);
    const answered = client.run('discard', { id: 'run-1' });
    next.say({ type: 'result', id: next.command, result: null });
    expect(await answered).toBeNull();
    // What the dead one still had on its way is not heard.
    worker.say({ type: 'outside_requests', urls: ['http://x.invalid'], asked_for: false });
    expect(FakeWorker.all).toHaveLength(2);
  });

  it('before it ever lived is tried again only when it is needed, and told to nobody else', async () => {
    const client = new EngineClient();
    const told = vi.fn();
    client.onStopped(told);
    const failed = client.run('memory', {}).catch((error) => error);
    FakeWorker.all[0].onerror?.({ message: '', preventDefault() {} });
    expect(await failed).toMatchObject({ code: 'engine_stopped', action: expect.stringContaining('Reload') });
    expect(FakeWorker.all).toHaveLength(1);
    expect(told).not.toHaveBeenCalled();
    void client.run('memory', {});
    expect(FakeWorker.all).toHaveLength(2);
  });
});

it('replaces a Worker that says that one of its threads does not answer', async () => {
  const { client, worker, told } = startedClient();
  const failed = client.run('memory', {}).catch((error) => error);
  const waiting = client.run('discard', { id: 'run-1' }).catch((error) => error);
  const error = { code: 'engine_stalled', message: 'A compute thread does not answer.', place: {} } as const;
  worker.say({ type: 'error', id: worker.command - 1, error });
  expect(await failed).toMatchObject({ code: 'engine_stalled' });
  expect(await waiting).toMatchObject({ code: 'engine_stalled' });
  expect(worker.isEnded).toBe(true);
  expect(told).toEqual([error.message]);
  expect(FakeWorker.all[1].sent[0]).toMatchObject({ type: 'init', generation: 1 });
});

it('replaces a Worker that says that it stands still', async () => {
  const { client, worker, told } = startedClient();
  const failed = client.run('memory', {}).catch((error) => error);
  const error = { code: 'engine_stalled', message: 'The job stood still.', place: {} } as const;
  worker.say({ type: 'stalled', error });
  expect(await failed).toMatchObject(error);
  expect(told).toEqual([error.message]);
});

it('hears nothing of a Worker that the page itself ended', async () => {
  const { client, told } = startedClient();
  const failed = client.run('memory', {}).catch((error) => error);
  client.dispose();
  expect(await failed).toMatchObject({ code: 'cancelled' });
  vi.advanceTimersByTime(100_000);
  expect(told).toEqual([]);
});
