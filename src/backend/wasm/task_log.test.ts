import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addSpan, clock, inSpan, startTimeline, timelineSpans } from '../../pulse/timeline.ts';
import { nextTask } from '../event_loop.ts';
import { TASK_LOG_BYTES, TaskLog } from './task_log.ts';
import { createNodeCrew } from './testing.ts';
import { createWasmBackend } from './wasm_backend.ts';

describe('the log of a thread', () => {
  it('comes back in order, and takes no more than it has room for', () => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(TASK_LOG_BYTES / 65536) + 1 });
    const log = new TaskLog(memory, 64);
    log.add('gram', 1, 2.5);
    log.add('product', 3, 4);
    expect(new TaskLog(memory, 64).spans(7)).toEqual([
      { name: 'gram', kind: 'kernel', thread: 7, start: 1, end: 2.5 },
      { name: 'product', kind: 'kernel', thread: 7, start: 3, end: 4 },
    ]);
    for (let i = 0; i < 2 ** 17; i++) log.add('add', i, i);
    expect(log.spans(0)).toHaveLength(2 ** 16);
    expect(new Float64Array(memory.buffer, 64 + TASK_LOG_BYTES).every((value) => value === 0)).toBe(true);
  });
});

describe('a timeline', () => {
  let backend: ReturnType<typeof createWasmBackend>;
  const begun = clock();
  beforeAll(async () => {
    addSpan({ name: 'before', kind: 'stage', thread: 0, start: 0, end: 1 });
    expect(timelineSpans()).toEqual([]);
    startTimeline();
    backend = createWasmBackend(await createNodeCrew(2));
  });
  afterAll(() => backend.dispose());

  it('has the kernels of every thread, on one clock', async () => {
    const n = 512;
    const a = backend.fromArray(new Float32Array(n * n).fill(1), [n, n], 'a');
    const output = backend.empty([n, n], 'output');
    const others = () => backend.spans?.() ?? [];
    // On a busy machine another thread may come late.
    for (let i = 0; i < 2000 && others().length === 0; i++) {
      backend.matmul({ a, b: a, output });
      await nextTask();
    }
    const all = [...timelineSpans(), ...others()];
    expect(new Set(all.map(({ thread }) => thread)).size).toBeGreaterThan(1);
    for (const { name, kind, start, end } of all) {
      expect([name, kind]).toEqual(['product', 'kernel']);
      expect(start).toBeGreaterThanOrEqual(begun);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(clock());
    }
  });

  it('has a stage, whatever comes of it', async () => {
    expect(await inSpan('fine', async () => 3)).toBe(3);
    await expect(inSpan('broken', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const stages = timelineSpans().filter(({ kind }) => kind === 'stage');
    expect(stages.map(({ name }) => name)).toEqual(['fine', 'broken']);
  });
});
