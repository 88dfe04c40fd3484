import { describe, expect, it } from 'vitest';
import { SpanRing } from '../../pulse/span_ring.ts';
import { GPU_THREAD, type Lane, type LaneKind } from '../../pulse/timeline.ts';
import { chromeTrace } from './chrome_trace.ts';
import { placeAt, rowsOf } from './rows.ts';
import { busyThreads, droppedSpans, sumsOf, topKernels } from './summary.ts';

function lane(kind: LaneKind, thread: number, spans: readonly [string, number, number][], most = 1 << 20): Lane {
  const ring = new SpanRing(most);
  for (const span of spans) ring.add(...span);
  return ring.lane(kind, thread);
}

/** The same numbers for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Kernels one after another on each thread, stages that nest, steps. */
function job(seed: number): Lane[] {
  const next = numbers(seed);
  const kernels = (thread: number): Lane => {
    let time = 1e12;
    const spans = Array.from({ length: 300 }, (): [string, number, number] => {
      const start = time + next() * 3;
      time = start + next() * 5;
      return [`kernel ${Math.floor(next() * 7)}`, start, time];
    });
    return lane('kernel', thread, spans);
  };
  const stages: [string, number, number][] = [];
  const nest = (start: number, end: number, depth: number) => {
    if (depth > 0) {
      const middle = start + (end - start) * next();
      nest(start, middle, depth - 1);
      nest(middle, end, depth - 1);
    }
    stages.push([`depth ${depth}`, start, end]);
  };
  nest(1e12, 1e12 + 1000, 4);
  return [lane('stage', 0, stages), kernels(0), kernels(1), kernels(2)];
}

describe('the ring of a lane', () => {
  it('keeps the last spans in order, and counts those that made room', () => {
    for (const [most, added] of [
      [1, 3],
      [5, 5],
      [5, 12],
      [3000, 2000],
      [1500, 4001],
    ]) {
      const spans = Array.from({ length: added }, (_, i): [string, number, number] => [`k${i % 3}`, i, i + 0.5]);
      const { names, name, start, end, dropped } = lane('kernel', 0, spans, most);
      const kept = spans.slice(Math.max(0, added - most));
      expect(Array.from(start, (at, i) => [names[name[i]], at, end[i]])).toEqual(kept);
      expect(dropped + name.length).toBe(added);
    }
  });

  it('tells texts that never end as one', () => {
    const { names, name } = lane(
      'step',
      0,
      Array.from({ length: 5000 }, (_, i) => [`step ${i}`, i, i]),
    );
    expect(names).toHaveLength(4097);
    expect(names[name[4999]]).toBe('others');
  });
});

describe.each([1, 2, 3])('a timeline (seed %i)', (seed) => {
  const lanes = job(seed);
  const rows = rowsOf(lanes);
  const all = {
    start: Math.min(...lanes.map(({ start }) => Math.min(...start))),
    end: Math.max(...lanes.map(({ end }) => Math.max(...end))),
  };

  it('has every span in one row, and none over another', () => {
    for (const { start, end } of rows) {
      for (let i = 1; i < start.length; i++) expect(start[i]).toBeGreaterThanOrEqual(end[i - 1]);
    }
    const count = (each: readonly { name: Uint16Array }[]) => each.reduce((sum, { name }) => sum + name.length, 0);
    expect(count(rows)).toBe(count(lanes));
    // Kernels of one thread never overlap, so each has one row; five depths of stages have five.
    expect(rows.map(({ kind }) => kind)).toEqual([...Array(5).fill('stage'), 'kernel', 'kernel', 'kernel']);
  });

  it('sums to what its trace has', () => {
    const { traceEvents } = JSON.parse(chromeTrace(lanes)) as {
      traceEvents: { ph: string; name: string; cat: string; ts: number; dur: number }[];
    };
    const traced = new Map<string, { us: number; calls: number }>();
    for (const { ph, name, cat, dur } of traceEvents) {
      if (ph !== 'X') continue;
      const sum = traced.get(`${cat} ${name}`) ?? { us: 0, calls: 0 };
      traced.set(`${cat} ${name}`, { us: sum.us + dur, calls: sum.calls + 1 });
    }
    const sums = sumsOf(lanes, all);
    expect(sums).toHaveLength(traced.size);
    for (const { kind, name, total_ms, calls } of sums) {
      const found = traced.get(`${kind} ${name}`);
      expect(found?.calls).toBe(calls);
      // Each end is rounded to a microsecond.
      expect(Math.abs((found?.us ?? 0) / 1000 - total_ms)).toBeLessThanOrEqual(calls * 0.001 + 0.1);
    }
    // A thread is busy or idle: busy times are the kernels' sums.
    const busy = busyThreads(lanes, all);
    const kernels = sums.filter(({ kind }) => kind === 'kernel').reduce((sum, { total_ms }) => sum + total_ms, 0);
    expect(busy.reduce((sum, { busy_ms }) => sum + busy_ms, 0)).toBeCloseTo(kernels, 3);
    for (const { busy_ms, idle_share } of busy) {
      expect(busy_ms / (all.end - all.start) + idle_share).toBeCloseTo(1, 9);
    }
  });

  it('falls apart into windows without losing time', () => {
    const middle = (all.start + all.end) / 2;
    const total = (window: { start: number; end: number }) =>
      sumsOf(lanes, window).reduce((sum, { total_ms }) => sum + total_ms, 0);
    expect(total({ start: all.start, end: middle }) + total({ start: middle, end: all.end })).toBeCloseTo(
      total(all),
      3,
    );
  });

  it('finds the span at a time', () => {
    const row = rows[5];
    for (const i of [0, 17, 299]) {
      expect(placeAt(row, row.start[i])).toBe(i);
      expect(placeAt(row, row.end[i])).toBe(i);
    }
    expect(placeAt(row, row.start[0] - 1)).toBe(-1);
  });
});

describe('where the time goes', () => {
  it('takes the device’s kernels where it told them', () => {
    const threads = lane('kernel', 0, [['matmul', 0, 1]]);
    const device = lane('gpu', GPU_THREAD, [
      ['attention', 0, 3],
      ['matmul', 3, 8],
      ['attention', 8, 9],
    ]);
    const window = { start: 0, end: 10 };
    expect(topKernels(sumsOf([threads], window), 5).map(({ name }) => name)).toEqual(['matmul']);
    const sums = sumsOf([threads, device], window);
    expect(topKernels(sums, 1)).toEqual([
      { name: 'matmul', kind: 'gpu', calls: 1, total_ms: 5, longest_ms: 5, share: 0.5 },
    ]);
    expect(busyThreads([device, threads], window)).toEqual([
      { thread: 0, busy_ms: 1, idle_share: 0.9 },
      { thread: GPU_THREAD, busy_ms: 9, idle_share: expect.closeTo(0.1) },
    ]);
  });

  it('says what was dropped, in the trace too', () => {
    const short = lane(
      'kernel',
      1,
      [
        ['a', 0, 1],
        ['b', 1, 2],
        ['c', 2, 3],
      ],
      2,
    ); // prettier-ignore
    expect(droppedSpans([short])).toBe(1);
    const { traceEvents } = JSON.parse(chromeTrace([short]));
    expect(JSON.stringify(traceEvents)).toContain('compute 1: the 1 oldest spans (kernel) are left out');
  });
});

describe('a timeline in Chrome’s trace format', () => {
  it('counts microseconds from the first span on, and names the threads; steps have one of their own', () => {
    const lanes = [
      lane('kernel', 1, [['gram', 1000.5, 1002]]),
      lane('stage', 0, [['slice', 1000, 1003]]),
      lane('step', 0, [['calibration: MLP', 1000, 1001]]),
    ];
    const { traceEvents } = JSON.parse(chromeTrace(lanes));
    expect(traceEvents).toEqual([
      { ph: 'M', name: 'thread_name', pid: 1, tid: 0, args: { name: 'engine' } },
      { ph: 'M', name: 'thread_name', pid: 1, tid: 1, args: { name: 'compute 1' } },
      { ph: 'M', name: 'thread_name', pid: 1, tid: 2000, args: { name: 'steps' } },
      { ph: 'X', name: 'gram', cat: 'kernel', pid: 1, tid: 1, ts: 500, dur: 1500 },
      { ph: 'X', name: 'slice', cat: 'stage', pid: 1, tid: 0, ts: 0, dur: 3000 },
      { ph: 'X', name: 'calibration: MLP', cat: 'step', pid: 1, tid: 2000, ts: 0, dur: 1000 },
    ]);
  });

  it('is valid without a span', () => {
    expect(JSON.parse(chromeTrace([])).traceEvents).toEqual([]);
  });
});
