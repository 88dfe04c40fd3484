import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WhittleError } from '../../errors/errors.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import { type FromVerifier, type ToVerifier, WorkerVerifier } from './verifier.ts';

const WINDOWS = { ids: new Uint32Array(12), seqlen: 4, count: 3 } as TokenWindows;
const FILES = [{ name: 'model.onnx', file: new Blob([new Uint8Array(1000)]) }];
const RESULT = { window_losses: [1, 2, 3], first_logits: Float32Array.of(5), version: '1.2.3' };
/** A step of a job this small is waited for for 20 seconds, the runtime for two minutes. */
const STEP_MS = 20_000;
const LOADING_MS = 120_000;

/** What the verifier may do with a Worker, and what it did. */
class FakeWorker {
  onmessage?: (event: { data: FromVerifier }) => void;
  onerror?: (event: { message: string; preventDefault(): void }) => void;
  readonly received: ToVerifier[] = [];
  isTerminated = false;
  postMessage(message: ToVerifier): void {
    this.received.push(message);
  }
  terminate(): void {
    this.isTerminated = true;
  }
  tell(...messages: FromVerifier[]): void {
    for (const data of messages) this.onmessage?.({ data });
  }
}

const workers: FakeWorker[] = [];
const outside: string[][] = [];

function open(threads: number): WorkerVerifier {
  const create = () => {
    workers.push(new FakeWorker());
    return workers.at(-1) as unknown as Worker;
  };
  return new WorkerVerifier('wasm', (urls) => outside.push(urls), threads, create);
}

/** Turns of the microtask queue, so that promises see what a fake Worker told. */
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('the verifier', () => {
  const warn = vi.spyOn(console, 'warn');
  beforeEach(() => {
    vi.useFakeTimers();
    warn.mockReset().mockImplementation(() => {});
    workers.length = 0;
    outside.length = 0;
  });
  afterEach(() => {
    // A watch that went on would keep the engine's thread busy for ever.
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('writes a text, token by token, until it is cancelled', async () => {
    const job = {
      ids: Uint32Array.of(1, 2),
      count: 3,
      eos: [],
      sampling: { temperature: 0, top_k: 0, top_p: 1, seed: 0 },
    };
    const seen: unknown[] = [];
    const written = open(1).generate(FILES, job, { onToken: (...token) => seen.push(token) });
    expect(workers[0].received[1]).toEqual({ type: 'write', files: FILES, job });
    const result = { tokens: [7, 8], version: '1.2.3' };
    workers[0].tell({ type: 'loaded' }, { type: 'token', token: 7, ms: 5 }, { type: 'token', token: 8, ms: 2 });
    workers[0].tell({ type: 'result', result });
    expect(await written).toBe(result);
    expect(seen).toEqual([
      [7, 5],
      [8, 2],
    ]);
    const controller = new AbortController();
    const stopped = open(1).generate(FILES, job, { signal: controller.signal });
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('loads from the start on, and runs when it is asked to', async () => {
    const verifier = open(2);
    expect(workers[0].received).toEqual([{ type: 'load', build: 'wasm', threads: 2 }]);
    const seen: unknown[] = [];
    const job = verifier.verify(FILES, WINDOWS, {
      onOpened: () => seen.push('opened'),
      onWindow: (...window) => seen.push(window),
    });
    expect(workers[0].received[1]).toMatchObject({ type: 'run', files: FILES, windows: WINDOWS });
    workers[0].tell({ type: 'loaded' }, { type: 'opened' }, { type: 'window', index: 0, loss: 1 });
    workers[0].tell({ type: 'outside_requests', urls: ['https://elsewhere'] }, { type: 'result', result: RESULT });
    expect(await job).toBe(RESULT);
    expect(seen).toEqual(['opened', [0, 1]]);
    expect(outside).toEqual([['https://elsewhere']]);
    verifier.close();
    expect(workers).toHaveLength(1);
    expect(workers[0].isTerminated).toBe(true);
  });

  const stalls: { where: string; before: FromVerifier[]; after_ms: number }[] = [
    { where: 'while it loads', before: [], after_ms: LOADING_MS },
    { where: 'while it opens the file', before: [{ type: 'loaded' }], after_ms: STEP_MS },
    { where: 'in the first window', before: [{ type: 'loaded' }, { type: 'opened' }], after_ms: STEP_MS },
    {
      where: 'in a later window',
      before: [{ type: 'loaded' }, { type: 'opened' }, { type: 'window', index: 0, loss: 1 }],
      after_ms: STEP_MS,
    },
  ];
  for (const { where, before, after_ms } of stalls) {
    it(`starts over on one thread when its threads stop ${where}`, async () => {
      const verifier = open(2);
      const job = verifier.verify(FILES, WINDOWS);
      workers[0].tell(...before);
      await vi.advanceTimersByTimeAsync(after_ms - 1000);
      expect(workers).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(2000);
      expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
      expect(workers[1].received).toMatchObject([
        { type: 'load', threads: 1 },
        { type: 'run', files: FILES },
      ]);
      expect(warn).toHaveBeenCalledWith(expect.stringMatching(/stopped on 2 threads.*starts over on one/));
      // What the first still says comes too late.
      workers[0].tell({ type: 'result', result: { ...RESULT, window_losses: [9] } });
      // One thread waits for none: it may take as long as it will.
      await vi.advanceTimersByTimeAsync(10 * LOADING_MS);
      workers[1].tell({ type: 'loaded' }, { type: 'opened' }, { type: 'result', result: RESULT });
      expect(await job).toBe(RESULT);
      expect(workers).toHaveLength(2);
    });
  }

  it('waits longer for a window where windows took long', async () => {
    const verifier = open(2);
    const job = verifier.verify(FILES, WINDOWS);
    workers[0].tell({ type: 'loaded' }, { type: 'opened' });
    await vi.advanceTimersByTimeAsync(15_000);
    workers[0].tell({ type: 'window', index: 0, loss: 1 });
    await vi.advanceTimersByTimeAsync(140_000);
    workers[0].tell({ type: 'window', index: 1, loss: 2 }, { type: 'result', result: RESULT });
    expect(await job).toBe(RESULT);
    expect(workers).toHaveLength(1);
  });

  it('waits longer for the first window of a large file', async () => {
    const verifier = open(2);
    const large = { name: 'model.onnx', file: { size: 1e9 } as Blob };
    const job = verifier.verify([large], { ...WINDOWS, seqlen: 256 });
    workers[0].tell({ type: 'loaded' });
    await vi.advanceTimersByTimeAsync(200_000);
    workers[0].tell({ type: 'opened' });
    await vi.advanceTimersByTimeAsync(600_000);
    workers[0].tell({ type: 'result', result: RESULT });
    expect(await job).toBe(RESULT);
    expect(workers).toHaveLength(1);
  });

  it('tells a fault that came before anybody asked', async () => {
    const verifier = open(2);
    workers[0].onerror?.({ message: 'no such script', preventDefault() {} });
    await settle();
    await expect(verifier.verify(FILES, WINDOWS)).rejects.toThrow(/no such script/);
    expect(workers).toHaveLength(1);
  });

  it('passes on what the Worker throws, and does not try again', async () => {
    const verifier = open(2);
    const job = verifier.verify(FILES, WINDOWS);
    const error = new WhittleError({ code: 'verification_failed', message: 'not a model' });
    workers[0].tell({ type: 'error', error: error.toData() });
    await expect(job).rejects.toMatchObject({ code: 'verification_failed', message: 'not a model' });
    expect(workers).toHaveLength(1);
  });

  it('is cancelled at once, also on its second start', async () => {
    for (const after_ms of [0, 2 * LOADING_MS]) {
      workers.length = 0;
      const controller = new AbortController();
      const verifier = open(2);
      const job = verifier.verify(FILES, WINDOWS, { signal: controller.signal });
      await vi.advanceTimersByTimeAsync(after_ms);
      controller.abort();
      await expect(job).rejects.toMatchObject({ code: 'cancelled' });
      verifier.close();
      expect(workers.every(({ isTerminated }) => isTerminated)).toBe(true);
      await expect(verifier.verify(FILES, WINDOWS, { signal: controller.signal })).rejects.toMatchObject({
        code: 'cancelled',
      });
    }
  });
});
