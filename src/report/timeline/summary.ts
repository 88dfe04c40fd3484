/** @file Where the time of a job went: sums by name, and how busy each thread was. */
import type { Lane, LaneKind } from '../../pulse/timeline.ts';

/** Milliseconds since 1970. */
export interface Window {
  start: number;
  end: number;
}

export interface Sum {
  name: string;
  kind: LaneKind;
  /** Spans that began or ended in the window. */
  calls: number;
  /** Of all threads, within the window. */
  total_ms: number;
  longest_ms: number;
  /** Of the window times the threads of its kind. */
  share: number;
}

export interface Busy {
  thread: number;
  /** In kernels. */
  busy_ms: number;
  /** Without one, of the window: 0 … 1. */
  idle_share: number;
}

/** One row a name and kind, the largest first. Spans that reach over the window count by what lies in it. */
export function sumsOf(lanes: readonly Lane[], window: Window): Sum[] {
  const sums = new Map<string, Sum>();
  const threads = threadsByKind(lanes);
  for (const { kind, names, name, start, end } of lanes) {
    const byName: (Sum | undefined)[] = [];
    for (let i = 0; i < name.length; i++) {
      if (end[i] < window.start || start[i] > window.end) continue;
      let sum = byName[name[i]];
      if (!sum) {
        const key = `${kind} ${names[name[i]]}`;
        sum = sums.get(key) ?? { name: names[name[i]], kind, calls: 0, total_ms: 0, longest_ms: 0, share: 0 };
        sums.set(key, sum);
        byName[name[i]] = sum;
      }
      const ms = Math.min(end[i], window.end) - Math.max(start[i], window.start);
      sum.calls += 1;
      sum.total_ms += ms;
      sum.longest_ms = Math.max(sum.longest_ms, ms);
    }
  }
  const length = window.end - window.start;
  for (const sum of sums.values()) sum.share = length > 0 ? sum.total_ms / (length * (threads.get(sum.kind) ?? 1)) : 0;
  return [...sums.values()].sort((a, b) => b.total_ms - a.total_ms);
}

/** Of each thread that has a lane of kernels, in order; the GPU last. */
export function busyThreads(lanes: readonly Lane[], window: Window): Busy[] {
  const length = window.end - window.start;
  return lanes
    .filter(({ kind }) => kind === 'kernel' || kind === 'gpu')
    .sort((a, b) => a.thread - b.thread)
    .map(({ thread, start, end }) => {
      let busy_ms = 0;
      for (let i = 0; i < start.length; i++) {
        busy_ms += Math.max(0, Math.min(end[i], window.end) - Math.max(start[i], window.start));
      }
      return { thread, busy_ms, idle_share: length > 0 ? Math.max(0, 1 - busy_ms / length) : 0 };
    });
}

/** The kernels that took most: the device's own where it told them, else the threads'. */
export function topKernels(sums: readonly Sum[], count: number): Sum[] {
  const kind = sums.some((sum) => sum.kind === 'gpu') ? 'gpu' : 'kernel';
  return sums.filter((sum) => sum.kind === kind).slice(0, count);
}

/** Spans that made room for later ones, by thread. */
export function droppedSpans(lanes: readonly Lane[]): number {
  return lanes.reduce((sum, { dropped }) => sum + dropped, 0);
}

function threadsByKind(lanes: readonly Lane[]): Map<LaneKind, number> {
  const threads = new Map<LaneKind, number>();
  for (const { kind } of lanes) threads.set(kind, (threads.get(kind) ?? 0) + 1);
  return threads;
}
