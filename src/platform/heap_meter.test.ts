import { describe, expect, it, vi } from 'vitest';
import { browserHeap, HeapMeter } from './heap_meter.ts';

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

  it('is silent where the browser has no such measure', () => {
    expect(browserHeap()).toBeUndefined();
    const heard = vi.fn();
    new HeapMeter(heard).sample();
    expect(heard).not.toHaveBeenCalled();
  });
});
