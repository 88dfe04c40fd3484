import { afterEach, describe, expect, it } from 'vitest';
import { clock, GPU_THREAD, spansOf, startTimeline, stopTimeline, timelineLanes } from '../../pulse/timeline.ts';
import type { Backend } from '../backend.ts';
import { createNodeGpu } from '../testing.ts';
import { requestWebGpuDevice } from './device.ts';
import { WebGpuBackend } from './webgpu_backend.ts';

const gpu = await createNodeGpu();
const N = 16;

/** So many sums in two kernels, one after another. */
async function work(backend: Backend, rounds: number): Promise<number[]> {
  const values = Float32Array.from({ length: N * N }, (_, i) => Math.sin(i));
  const a = backend.fromArray(values, [N, N], 'a');
  const output = backend.empty([N, N], 'output');
  for (let i = 0; i < rounds; i++) {
    backend.add({ a, b: a, output });
    backend.add({ a: output, b: a, output });
  }
  const found = [...(await backend.read(output))];
  a.dispose();
  output.dispose();
  return found;
}

describe.runIf(gpu).each([{ timestamps: true }, { timestamps: false }])('a device’s times (%o)', ({ timestamps }) => {
  afterEach(() => stopTimeline());

  it('are one lane without overlaps, on the clock of all threads, and change no number', async () => {
    const backend = new WebGpuBackend(await requestWebGpuDevice(gpu, { timestamps }));
    try {
      const { device } = backend.context;
      if (!timestamps) expect(device.features.has('timestamp-query')).toBe(false);
      const isTimed = device.features.has('timestamp-query');
      const plain = await work(backend, 5);
      expect(await backend.lanes()).toEqual([]);
      startTimeline();
      const begun = clock();
      // More dispatches than a set of timestamps holds.
      const rounds = isTimed ? 520 : 5;
      expect(await work(backend, rounds)).toEqual(plain);
      const [lane, ...others] = await backend.lanes();
      expect(others).toEqual([]);
      expect(lane).toMatchObject({ kind: 'gpu', thread: GPU_THREAD, source: isTimed ? 'timestamps' : 'submits' });
      const spans = spansOf([lane]);
      if (isTimed) {
        expect(spans.filter(({ name }) => name === 'add_in_place')).toHaveLength(rounds);
        expect(spans).toHaveLength(2 * rounds);
      } else expect(new Set(spans.map(({ name }) => name))).toEqual(new Set(['submit']));
      for (const [i, { start, end }] of spans.entries()) {
        expect(end).toBeGreaterThanOrEqual(start);
        // Two clocks: their distance is known to a message's way.
        expect(start).toBeGreaterThanOrEqual(begun - 50);
        expect(end).toBeLessThanOrEqual(clock());
        if (i > 0) expect(start).toBeGreaterThanOrEqual(spans[i - 1].end);
      }
      // Handing them over is what the engine's thread did.
      const handed = spansOf(timelineLanes()).filter(({ kind, thread }) => kind === 'kernel' && thread === 0);
      expect(handed).toHaveLength(2 * rounds);
      startTimeline();
      await work(backend, 3);
      expect(spansOf(await backend.lanes()).every(({ start }) => start > begun)).toBe(true);
      stopTimeline();
      expect(await work(backend, 5)).toEqual(plain);
      expect(await backend.lanes()).toEqual([]);
    } finally {
      backend.dispose();
    }
  });
});
