/**
 * @file What this thread did when, where somebody asked for it: spans with a name, on one clock for all threads. Nothing is
 * kept, and little is spent, unless {@link startTimeline} was called.
 */

export interface Span {
  readonly name: string;
  /** `stage`: a command or a part of one; `kernel`: a task of the CPU backend. */
  readonly kind: 'stage' | 'kernel';
  /** 0 for the engine's own, then the compute threads. */
  readonly thread: number;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
}

/** A job of a million kernels is told as far as here. */
const MOST_SPANS = 2 ** 20;

let spans: Span[] | undefined;

/** From now on spans are kept; those from before are forgotten. */
export function startTimeline(): void {
  spans = [];
}

export function isTimelineOn(): boolean {
  return spans !== undefined;
}

/** The same on all threads of a page. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

export function addSpan(span: Span): void {
  if (spans && spans.length < MOST_SPANS) spans.push(span);
}

/** What was kept since {@link startTimeline}. */
export function timelineSpans(): readonly Span[] {
  return spans ?? [];
}

/** A span of this thread for as long as `work` takes, whatever comes of it. */
export async function inSpan<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  if (!spans) return work();
  const start = clock();
  try {
    return await work();
  } finally {
    addSpan({ name, kind: 'stage', thread: 0, start, end: clock() });
  }
}
