import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SpanRing } from '../../../pulse/span_ring.ts';
import type { Lane } from '../../../pulse/timeline.ts';
import type { Sum } from '../../../report/timeline/summary.ts';
import { runJob } from '../../actions/job.ts';
import { chartCsv } from '../../components/SaveChart.tsx';
import { studioWith } from '../../testing.ts';
import { recorderOf } from './recorder.ts';
import { SUM_COLUMNS, sortSums } from './SumsTable.tsx';
import { axisText, formatMs, moved, viewByKey, zoomed } from './view.ts';

function lanes(...names: string[]): Lane[] {
  const ring = new SpanRing(8);
  for (const [i, name] of names.entries()) ring.add(name, i, i + 1);
  return [ring.lane('kernel', 0)];
}

/** A studio whose engine answers `timeline` beside its jobs, as the real one does. */
function recorded(answers: () => Promise<Lane[]>) {
  const { studio, engine } = studioWith({ evaluate: () => new Promise(() => {}) });
  const told: (boolean | undefined)[] = [];
  const order: string[] = [];
  const run = engine.run.bind(engine);
  vi.spyOn(engine, 'run').mockImplementation(async (kind, request, options) => {
    order.push(kind);
    if (kind !== 'timeline') return run(kind, request as never, options);
    const { record } = request as { record?: boolean };
    told.push(record);
    return (record === undefined ? await answers() : []) as never;
  });
  return { studio, told, order, recorder: recorderOf(studio) };
}

describe('recording the timeline of jobs', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('asks the engine for nothing while it is off', async () => {
    const { studio, told } = recorded(async () => lanes('a'));
    await runJob(studio, 'measure', 'Measuring', [], async () => undefined);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([]);
    expect(recorderOf(studio).store.getState()).toEqual({ isOn: false, recorded: null });
  });

  it('begins anew before a job’s first command, looks while it runs, and keeps what it had at its end', async () => {
    let known = lanes('a');
    const { studio, told, order, recorder } = recorded(async () => known);
    recorder.turn(true);
    expect(told).toEqual([]);
    let finish = () => {};
    const job = runJob(studio, 'measure', 'Measuring', [], async (each) => {
      void each.run('evaluate', { target: 'dense' }).catch(() => undefined);
      await new Promise<void>((resolve) => (finish = resolve));
    });
    await vi.advanceTimersByTimeAsync(100);
    expect(order).toEqual(['timeline', 'evaluate']);
    expect(recorder.store.getState().recorded).toMatchObject({ title: 'Measuring', lanes: [], isRunning: true });
    await vi.advanceTimersByTimeAsync(2000);
    expect(recorder.store.getState().recorded).toMatchObject({ lanes: known, isRunning: true });
    known = lanes('a', 'b');
    finish();
    await job;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([true, undefined, undefined]);
    const { recorded: kept } = recorder.store.getState();
    expect(kept).toMatchObject({ title: 'Measuring', lanes: known, isRunning: false });
    expect(kept?.window.end).toBeGreaterThanOrEqual(kept?.window.start ?? Number.NaN);
    recorder.turn(false);
    expect(told.at(-1)).toBe(false);
    // What was recorded can still be looked at.
    expect(recorder.store.getState().recorded).toBe(kept);
  });

  it('takes up a job that runs already, and another one after it', async () => {
    const { studio, told, recorder } = recorded(async () => lanes('a'));
    const ends: (() => void)[] = [];
    const hold = () => new Promise<void>((resolve) => ends.push(resolve));
    const first = runJob(studio, 'measure', 'First', [], hold);
    await vi.advanceTimersByTimeAsync(0);
    recorder.turn(true);
    expect(told).toEqual([true]);
    ends[0]();
    await first;
    const second = runJob(studio, 'measure', 'Second', [], hold);
    await vi.advanceTimersByTimeAsync(0);
    // The first one's last answer comes late, and is not shown as the second's.
    expect(recorder.store.getState().recorded).toMatchObject({ title: 'Second', lanes: [], isRunning: true });
    ends[1]();
    await second;
    await vi.advanceTimersByTimeAsync(0);
    expect(recorder.store.getState().recorded).toMatchObject({ title: 'Second', isRunning: false });
  });

  it('keeps what was seen of a job whose engine died', async () => {
    let isDead = false;
    const { studio, recorder } = recorded(() =>
      isDead ? Promise.reject(new Error('gone')) : Promise.resolve(lanes('a')),
    );
    recorder.turn(true);
    let fail: (error: Error) => void = () => {};
    const job = runJob(studio, 'measure', 'Measuring', [], () => new Promise((_, reject) => (fail = reject)));
    await vi.advanceTimersByTimeAsync(2500);
    isDead = true;
    fail(new Error('the engine stopped'));
    await job;
    await vi.advanceTimersByTimeAsync(0);
    // The next engine is started by a job that nobody asked for.
    await runJob(studio, 'recover', 'Restarting the engine', [], async () => undefined);
    await vi.advanceTimersByTimeAsync(0);
    expect(recorder.store.getState().recorded).toMatchObject({
      title: 'Measuring',
      lanes: lanes('a'),
      isRunning: false,
    });
  });
});

describe('the view of a timeline', () => {
  const all = { start: 1000, end: 2000 };

  it('zooms about a place, moves, and never leaves the job', () => {
    expect(zoomed(all, all, 0.5)).toEqual({ start: 1250, end: 1750 });
    expect(zoomed(all, all, 0.5, 0)).toEqual({ start: 1000, end: 1500 });
    expect(zoomed(all, all, 2)).toBe(all);
    let view = all;
    for (let i = 0; i < 200; i++) {
      view = [zoomed(view, all, 0.7, i / 200), moved(view, all, Math.sin(i)), zoomed(view, all, 1.3, 1)][i % 3];
      expect(view.start).toBeGreaterThanOrEqual(all.start);
      expect(view.end).toBeLessThanOrEqual(all.end + 1e-9);
      expect(view.end).toBeGreaterThan(view.start);
    }
  });

  it('goes by keys', () => {
    const view = { start: 1400, end: 1500 };
    expect(viewByKey('ArrowRight', view, all)).toEqual({ start: 1420, end: 1520 });
    expect(viewByKey('ArrowLeft', view, all)).toEqual({ start: 1380, end: 1480 });
    expect(viewByKey('+', view, all)).toEqual({ start: 1425, end: 1475 });
    expect(viewByKey('-', view, all)).toEqual({ start: 1350, end: 1550 });
    expect(viewByKey('Home', view, all)).toEqual({ start: 1000, end: 1100 });
    expect(viewByKey('End', view, all)).toEqual({ start: 1900, end: 2000 });
    expect(viewByKey('0', view, all)).toBe(all);
    expect(viewByKey('e', view, all)).toBeNull();
  });

  it('tells times with fitting units', () => {
    expect([0.034, 0.9996, 4.2, 12.34, 99.96, 999.6, 12_340, 123_000].map(formatMs)).toEqual([
      ...['34 µs', '1.00 ms', '4.20 ms', '12.3 ms', '100 ms', '1.00 s', '12.3 s', '123 s'],
    ]);
    // Neighbouring ticks never read the same.
    for (const length of [0.1, 1, 3, 25, 1000, 2500, 60_000]) {
      const ticks = Array.from({ length: 8 }, (_, i) => axisText((i * length) / 8, length));
      expect(new Set(ticks).size).toBe(8);
    }
  });
});

describe('the table of sums', () => {
  const sum = (name: string, total_ms: number, calls: number): Sum => ({
    ...{ name, kind: 'kernel', calls, total_ms, longest_ms: total_ms, share: total_ms / 100 },
  });
  const sums = [sum('gram', 30, 3), sum('add', 20, 1), sum('product', 50, 50)];

  it('is sorted by any column, both ways', () => {
    const names = (...by: [Parameters<typeof sortSums>[1], boolean]) => sortSums(sums, ...by).map(({ name }) => name);
    expect(names('total_ms', true)).toEqual(['product', 'gram', 'add']);
    expect(names('total_ms', false)).toEqual(['add', 'gram', 'product']);
    expect(names('name', false)).toEqual(['add', 'gram', 'product']);
    expect(names('mean', true)).toEqual(['add', 'gram', 'product']);
    expect(names('calls', true)).toEqual(['product', 'gram', 'add']);
  });

  it('is a file with all digits', () => {
    expect(
      chartCsv(SUM_COLUMNS, [sum('gram', 1 / 3, 4)])
        .split('\r\n')
        .slice(0, 2),
    ).toEqual([
      'Name,Kind,calls,total_ms,mean_ms,longest_ms,share',
      `gram,kernel,4,${1 / 3},${1 / 12},${1 / 3},${1 / 3 / 100}`,
    ]);
  });
});
