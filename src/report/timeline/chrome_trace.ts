/** @file The engine's timeline in Chrome's trace format, for chrome://tracing and ui.perfetto.dev. */
import { type Lane, spansOf } from '../../pulse/timeline.ts';
import { threadName } from './names.ts';

const PROCESS = 1;
/** Viewers lay the spans of one thread into each other, and a step may begin in one stage and end in the next. */
const STEPS = 2000;

/** Trace Event Format, JSON object: complete events ("X") in microseconds from the first span on, and names of the threads. */
export function chromeTrace(lanes: readonly Lane[]): string {
  const spans = spansOf(lanes);
  const begin = spans.reduce((least, { start }) => Math.min(least, start), Number.POSITIVE_INFINITY);
  const microseconds = (ms: number) => Math.round(ms * 1000);
  const tidOf = ({ kind, thread }: Pick<Lane, 'kind' | 'thread'>) => (kind === 'step' ? STEPS : thread);
  const threads = [...new Set(spans.map(tidOf))].sort((a, b) => a - b);
  const names = threads.map((tid) => ({
    ...{ ph: 'M', name: 'thread_name', pid: PROCESS, tid },
    args: { name: tid === STEPS ? 'steps' : threadName(tid) },
  }));
  const labels = lanes
    .filter(({ dropped }) => dropped > 0)
    .map(({ kind, thread, dropped }) => `${threadName(thread)}: the ${dropped} oldest spans (${kind}) are left out`);
  const losses =
    labels.length === 0 ? [] : [{ ph: 'M', name: 'process_labels', pid: PROCESS, args: { labels: labels.join('; ') } }];
  const events = spans.map(({ name, kind, thread, start, end }) => {
    const ts = microseconds(start - begin);
    // Of two roundings, so that spans that touch still do.
    const dur = microseconds(end - begin) - ts;
    return { ph: 'X', name, cat: kind, pid: PROCESS, tid: tidOf({ kind, thread }), ts, dur };
  });
  const all = [...names, ...losses, ...events];
  return `{"displayTimeUnit":"ms","traceEvents":[\n${all.map((event) => JSON.stringify(event)).join(',\n')}\n]}\n`;
}
