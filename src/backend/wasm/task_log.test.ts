import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addSpan,
  beginStep,
  clock,
  endStep,
  inSpan,
  spansOf,
  startTimeline,
  stopTimeline,
  timelineLanes,
} from '../../pulse/timeline.ts';
import { nextTask } from '../event_loop.ts';
import { MOST_TASKS, TASK_LOG_BYTES, TaskLog } from './task_log.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

describe('the log of a thread', () => {
  it('comes back in order, and keeps the last tasks that it has room for', () => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(TASK_LOG_BYTES / 65536) + 1 });
    const log = new TaskLog(memory, 64);
    log.add('gram', 1, 2.5);
    log.add('product', 3, 4);
    expect(spansOf([new TaskLog(memory, 64).lane(7)])).toEqual([
      { name: 'gram', kind: 'kernel', thread: 7, start: 1, end: 2.5 },
      { name: 'product', kind: 'kernel', thread: 7, start: 3, end: 4 },
    ]);
    const last = MOST_TASKS + 100;
    for (let i = 1; i <= last; i++) log.add('add', i, i + 0.5);
    const { start, end, dropped } = log.lane(0);
    expect([start[0], start.at(-1), end.at(-1)]).toEqual([last - MOST_TASKS + 1, last, last + 0.5]);
    expect(start.every((at, i) => i === 0 || at === start[i - 1] + 1)).toBe(true);
    expect(dropped).toBe(last + 2 - MOST_TASKS);
    expect(new Float64Array(memory.buffer, 64 + TASK_LOG_BYTES).every((value) => value === 0)).toBe(true);
    log.clear();
    expect(log.lane(0)).toMatchObject({ dropped: 0, start: new Float64Array(0) });
  });
});

describe('a timeline', () => {
  let backend: ReturnType<typeof createWasmBackend>;
  const begun = clock();
  beforeAll(async () => {
    addSpan({ name: 'before', kind: 'stage', thread: 0, start: 0, end: 1 });
    expect(timelineLanes()).toEqual([]);
    startTimeline();
    backend = createWasmBackend(await createNodeCrew(2));
  });
  afterAll(() => {
    stopTimeline();
    backend.dispose();
  });
  const others = async () => (await backend.lanes?.()) ?? [];
  /** On a busy machine another thread may come late. */
  async function multiply(isEnough: () => Promise<boolean>): Promise<void> {
    const n = 512;
    const a = backend.fromArray(new Float32Array(n * n).fill(1), [n, n], 'a');
    const output = backend.empty([n, n], 'output');
    for (let i = 0; i < 2000; i++) {
      backend.matmul({ a, b: a, output });
      if (await isEnough()) break;
      await nextTask();
    }
    a.dispose();
    output.dispose();
  }
  const areThere = async () => (await others()).some(({ name }) => name.length > 0);

  it('has the kernels of every thread, on one clock, one after another', async () => {
    await multiply(areThere);
    const lanes = [...timelineLanes(), ...(await others())];
    const all = spansOf(lanes);
    expect(new Set(all.map(({ thread }) => thread)).size).toBeGreaterThan(1);
    for (const { name, kind, start, end } of all) {
      expect([name, kind]).toEqual(['product', 'kernel']);
      expect(start).toBeGreaterThanOrEqual(begun);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(clock());
    }
    for (const { start, end } of lanes) {
      for (let i = 1; i < start.length; i++) expect(start[i]).toBeGreaterThanOrEqual(end[i - 1]);
    }
  });

  it('begins, begins anew and ends while the backend lives; without it nothing is kept', async () => {
    startTimeline();
    const anew = clock();
    expect(await others()).toEqual([]);
    await multiply(areThere);
    for (const { start } of spansOf([...timelineLanes(), ...(await others())])) {
      expect(start).toBeGreaterThanOrEqual(anew);
    }
    stopTimeline();
    let rounds = 0;
    await multiply(async () => ++rounds === 3);
    expect([...timelineLanes(), ...(await others())]).toEqual([]);
    startTimeline();
  });

  it('has a stage, whatever comes of it', async () => {
    expect(await inSpan('fine', async () => 3)).toBe(3);
    await expect(inSpan('broken', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const stages = spansOf(timelineLanes()).filter(({ kind }) => kind === 'stage');
    expect(stages.map(({ name }) => name)).toEqual(['fine', 'broken']);
  });

  it('has what progress called the work, once as long as it was called the same', () => {
    startTimeline();
    for (const name of ['a', 'a', 'b', 'a']) beginStep(name);
    const steps = () => spansOf(timelineLanes()).map(({ name }) => name);
    // The one that lasts is told until now, and goes on.
    expect(steps()).toEqual(['a', 'b', 'a']);
    endStep();
    endStep();
    expect(steps()).toEqual(['a', 'b', 'a', 'a']);
  });
});
