import { describe, expect, it } from 'vitest';
import type { Span } from '../pulse/timeline.ts';
import { chromeTrace, traceOf } from './trace.ts';

describe('a timeline in Chrome\u2019s trace format', () => {
  it('counts microseconds from the first span on, and names the threads', () => {
    const spans: Span[] = [
      { name: 'gram', kind: 'kernel', thread: 1, start: 1000.5, end: 1002 },
      { name: 'slice', kind: 'stage', thread: 0, start: 1000, end: 1003 },
    ];
    const { traceEvents } = JSON.parse(chromeTrace(spans));
    expect(traceEvents).toEqual([
      { ph: 'M', name: 'thread_name', pid: 1, tid: 0, args: { name: 'engine' } },
      { ph: 'M', name: 'thread_name', pid: 1, tid: 1, args: { name: 'compute 1' } },
      { ph: 'X', name: 'gram', cat: 'kernel', pid: 1, tid: 1, ts: 500, dur: 1500 },
      { ph: 'X', name: 'slice', cat: 'stage', pid: 1, tid: 0, ts: 0, dur: 3000 },
    ]);
  });

  it('has a file of its own for a repetition', () => {
    expect(traceOf('out/t.json', 'cpu')).toBe('out/t.cpu.json');
    expect(traceOf('t', 'webgpu')).toBe('t.webgpu');
  });

  it('is valid without a span', () => {
    expect(JSON.parse(chromeTrace([])).traceEvents).toEqual([]);
  });
});
