/** @file The engine's timeline in Chrome's trace format, for chrome://tracing and ui.perfetto.dev. */
import { join, parse } from 'node:path';
import type { Span } from '../pulse/timeline.ts';

const PROCESS = 1;

/** The file of a job's repetition, beside the first one's: trace.json, trace.cpu.json. */
export function traceOf(path: string, backend: string): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${backend}${ext}`);
}

/** Trace Event Format, JSON object: complete events ("X") in microseconds from the first span on, and names of the threads. */
export function chromeTrace(spans: readonly Span[]): string {
  const begin = spans.reduce((least, { start }) => Math.min(least, start), Number.POSITIVE_INFINITY);
  const microseconds = (ms: number) => Math.round(ms * 1000);
  const threads = [...new Set(spans.map(({ thread }) => thread))].sort((a, b) => a - b);
  const names = threads.map((tid) => ({
    ...{ ph: 'M', name: 'thread_name', pid: PROCESS, tid },
    args: { name: tid === 0 ? 'engine' : `compute ${tid}` },
  }));
  const events = spans.map(({ name, kind, thread, start, end }) => ({
    ...{ ph: 'X', name, cat: kind, pid: PROCESS, tid: thread },
    ...{ ts: microseconds(start - begin), dur: microseconds(end - start) },
  }));
  return `{"displayTimeUnit":"ms","traceEvents":[\n${[...names, ...events].map((event) => JSON.stringify(event)).join(',\n')}\n]}\n`;
}
