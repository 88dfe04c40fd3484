/**
 * @file What this thread did when, where somebody asked for it: spans with a name, on one clock for all threads. Nothing is
 * kept, and little is spent, unless {@link startTimeline} was called.
 */
import { type Lane, type LaneKind, SpanRing } from './span_ring.ts';

export type { Lane, LaneKind };

export interface Span {
  readonly name: string;
  readonly kind: LaneKind;
  /** 0 for the engine's own, then the compute threads; {@link GPU_THREAD}. */
  readonly thread: number;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
}

/** No thread of the processor has this number. */
export const GPU_THREAD = 1000;

/** Of each thread the last so many kernels are kept; stages are few, and outlive them. */
const MOST: Record<LaneKind, number> = { stage: 2 ** 14, step: 2 ** 14, kernel: 2 ** 18, gpu: 2 ** 18 };

interface Recording {
  id: number;
  lanes: Map<string, { kind: LaneKind; thread: number; ring: SpanRing }>;
  /** The step that lasts. */
  step?: { name: string; start: number };
}

let recording: Recording | undefined;
let recordings = 0;

/** From now on spans are kept; those from before are forgotten. */
export function startTimeline(): void {
  recordings += 1;
  recording = { id: recordings, lanes: new Map() };
}

/** Nothing is kept any more, and what was is forgotten. */
export function stopTimeline(): void {
  recording = undefined;
}

export function isTimelineOn(): boolean {
  return recording !== undefined;
}

/** Another number with each {@link startTimeline}; 0 while nothing is kept. For whoever keeps spans elsewhere. */
export function timelineId(): number {
  return recording?.id ?? 0;
}

/** The same on all threads of a page. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

export function addSpan({ name, kind, thread, start, end }: Span): void {
  if (!recording) return;
  const key = `${kind} ${thread}`;
  let lane = recording.lanes.get(key);
  if (!lane) {
    lane = { kind, thread, ring: new SpanRing(MOST[kind]) };
    recording.lanes.set(key, lane);
  }
  lane.ring.add(name, start, end);
}

/** What was kept since {@link startTimeline}; of a step that lasts, the part until now. */
export function timelineLanes(): Lane[] {
  if (!recording) return [];
  if (recording.step) {
    const { name } = recording.step;
    endStep();
    beginStep(name);
  }
  return [...recording.lanes.values()].map(({ kind, thread, ring }) => ring.lane(kind, thread));
}

/** A span of this thread for as long as `work` takes, whatever comes of it. */
export async function inSpan<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  if (!recording) return work();
  const start = clock();
  try {
    return await work();
  } finally {
    addSpan({ name, kind: 'stage', thread: 0, start, end: clock() });
  }
}

/** What is told as the work at hand, from here on. The same again goes on. */
export function beginStep(name: string): void {
  if (!recording || recording.step?.name === name) return;
  endStep();
  recording.step = { name, start: clock() };
}

/** Nothing is at hand. */
export function endStep(): void {
  if (!recording?.step) return;
  const { name, start } = recording.step;
  recording.step = undefined;
  addSpan({ name, kind: 'step', thread: 0, start, end: clock() });
}

/** All spans of all lanes, lane by lane. */
export function spansOf(lanes: readonly Lane[]): Span[] {
  return lanes.flatMap(({ kind, thread, names, name, start, end }) =>
    Array.from(name, (at, i) => ({ name: names[at], kind, thread, start: start[i], end: end[i] })),
  );
}
