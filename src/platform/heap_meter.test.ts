import { describe, expect, it, vi } from 'vitest';
import { browserHeap, HeapMeter, withoutThreads } from './heap_meter.ts';

describe('the heap meter', () => {
  it('asks once at a time, and not again right after an answer', async () => {
    const heard: number[] = [];
    let now = 0;
    let answer: (bytes: number) => void = () => {};
    const measure = vi.fn(() => new Promise<number>((resolve) => (answer = resolve)));
    const meter = new HeapMeter(
      (bytes) => heard.push(bytes),
      measure,
      () => now,
    );
    meter.sample();
    meter.sample();
    expect(measure).toHaveBeenCalledTimes(1);
    answer(5);
    await vi.waitFor(() => expect(heard).toEqual([5]));
    meter.sample();
    expect(measure).toHaveBeenCalledTimes(1);
    now = 60_000;
    meter.sample();
    expect(measure).toHaveBeenCalledTimes(2);
    meter.sampleAnew();
    expect(measure).toHaveBeenCalledTimes(2);
    answer(6);
    await vi.waitFor(() => expect(heard).toEqual([5, 6]));
    meter.sampleAnew();
    expect(measure).toHaveBeenCalledTimes(3);
  });

  it('stops asking a browser that refuses, and tells nothing', async () => {
    const heard = vi.fn();
    const measure = vi.fn(() => Promise.reject(new DOMException('not isolated', 'SecurityError')));
    let now = 0;
    const meter = new HeapMeter(heard, measure, () => now);
    meter.sample();
    await new Promise((resolve) => setTimeout(resolve));
    now = 60_000;
    meter.sample();
    expect(measure).toHaveBeenCalledTimes(1);
    expect(heard).not.toHaveBeenCalled();
  });

  it('counts shared memory where it belongs, and not once more for each thread', () => {
    const part = (bytes: number, url?: string) => ({ bytes, attribution: url ? [{ url }] : [] });
    const site = 'https://whittle.example/app/assets';
    const breakdown = [
      part(10, 'https://whittle.example/app/'),
      part(300, `${site}/worker-DfLqFFW0.js`),
      part(300, `${site}/compute_worker-DT_pRxl9.js`),
      part(500, `${site}/verify_worker-Q25G0aGx.js`),
      part(500, `${site}/ort-wasm-simd-threaded-qyIweqWS.mjs`),
      part(500, `${site}/ort-wasm-simd-threaded.asyncify-DXIbolS2.mjs?v=1`),
      part(7),
    ];
    const bytes = breakdown.reduce((sum, one) => sum + one.bytes, 0);
    expect(withoutThreads({ bytes, breakdown })).toBe(10 + 300 + 500 + 7);
    expect(withoutThreads({ bytes: 5 })).toBe(5);
  });

  it('is silent where the browser has no such measure', () => {
    expect(browserHeap()).toBeUndefined();
    const heard = vi.fn();
    new HeapMeter(heard).sample();
    expect(heard).not.toHaveBeenCalled();
  });
});
