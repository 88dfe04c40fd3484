/** @file A timeline as rows in which nothing overlaps, for drawing. */
import type { Lane, LaneKind } from '../../pulse/timeline.ts';
import { threadName } from './names.ts';

export interface Row {
  /** Only of the first row of its lane. */
  label: string;
  kind: LaneKind;
  thread: number;
  names: readonly string[];
  /** By their starts; none begins before the one before it ends. */
  name: Uint16Array;
  start: Float64Array;
  end: Float64Array;
}

const ORDER: readonly LaneKind[] = ['stage', 'step', 'kernel', 'gpu'];
const LABELS: Partial<Record<LaneKind, string>> = { stage: 'stages', step: 'steps' };

/** Commands first, what lies within them below; then each thread's kernels, the GPU's last. */
export function rowsOf(lanes: readonly Lane[]): Row[] {
  return [...lanes]
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.thread - b.thread)
    .flatMap((lane) => layered(lane));
}

function layered(lane: Lane): Row[] {
  const { kind, thread, names, name, start, end } = lane;
  const label = LABELS[kind] ?? threadName(thread);
  // A thread's kernels, hundreds of thousands of them, come one after another as they are.
  if (isOneRow(lane)) return name.length === 0 ? [] : [{ label, kind, thread, names, name, start, end }];
  // Whoever begins first lies above; of two that begin together the longer one.
  const order = Array.from(name.keys()).sort((a, b) => start[a] - start[b] || end[b] - end[a]);
  const layers: { spans: number[]; end: number }[] = [];
  for (const i of order) {
    let layer = layers.find((each) => each.end <= start[i]);
    if (!layer) {
      layer = { spans: [], end: 0 };
      layers.push(layer);
    }
    layer.spans.push(i);
    layer.end = Math.max(start[i], end[i]);
  }
  return layers.map(({ spans }, depth) => ({
    ...{ label: depth === 0 ? label : '', kind, thread, names },
    name: Uint16Array.from(spans, (i) => name[i]),
    start: Float64Array.from(spans, (i) => start[i]),
    end: Float64Array.from(spans, (i) => end[i]),
  }));
}

function isOneRow({ start, end }: Pick<Lane, 'start' | 'end'>): boolean {
  return start.every((each, i) => i === 0 || each >= end[i - 1]);
}

/** The span of a row at a time, or the last one before it: its place, −1 where there is none. */
export function placeAt({ start }: Pick<Row, 'start'>, time: number): number {
  let [low, high] = [0, start.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
