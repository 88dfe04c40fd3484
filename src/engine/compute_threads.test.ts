import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startComputeThreads } from './compute_threads.ts';

/** Answers as told once it was asked, or never. */
class FakeWorker {
  static answers = true;
  static readonly all: FakeWorker[] = [];
  onmessage?: (event: { data: unknown }) => void;
  onerror?: (event: Event) => void;
  isTerminated = false;
  asked = 0;
  constructor() {
    FakeWorker.all.push(this);
  }
  postMessage(): void {
    this.asked++;
    if (FakeWorker.answers) queueMicrotask(() => this.onmessage?.({ data: 'ready' }));
  }
  terminate(): void {
    this.isTerminated = true;
  }
}

describe('threads of the CPU backend', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeWorker.all.length = 0;
    FakeWorker.answers = true;
    vi.stubGlobal('Worker', FakeWorker);
    vi.stubGlobal('crossOriginIsolated', true);
    vi.stubGlobal('navigator', { hardwareConcurrency: 3 });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('are asked for an answer before they count', async () => {
    const crew = await startComputeThreads();
    expect(crew?.threads).toHaveLength(2);
    expect(FakeWorker.all.map(({ asked }) => asked)).toEqual([1, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are done without where they do not answer', async () => {
    FakeWorker.answers = false;
    const starting = startComputeThreads();
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await starting)?.threads).toEqual([]);
    expect(FakeWorker.all.map(({ isTerminated }) => isTerminated)).toEqual([true, true]);
  });

  it('are none where memory cannot be shared', async () => {
    vi.stubGlobal('crossOriginIsolated', false);
    expect(await startComputeThreads()).toBeUndefined();
    expect(FakeWorker.all).toEqual([]);
  });

  it('say nothing before they are asked, and then one word', async () => {
    const posted: unknown[] = [];
    const self = { onmessage: (_: unknown) => {}, postMessage: (word: unknown) => posted.push(word) };
    vi.stubGlobal('self', self);
    await import('./compute_worker.ts');
    expect(posted).toEqual([]);
    // The work itself begins in a later task, which these fake timers never reach.
    self.onmessage({ data: {} });
    expect(posted).toEqual(['ready']);
  });
});
