import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PULSE_BYTES } from '../pulse/pulse.ts';
import { LifeWatch, SILENCE_S, START_S } from './life_watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const seconds = (count: number) => vi.advanceTimersByTime(1000 * count);

describe('an engine', () => {
  it('that beats is alive, and dead soon after the last beat, which is told once', () => {
    const shared = new SharedArrayBuffer(PULSE_BYTES);
    const words = new Int32Array(shared);
    const died = vi.fn();
    new LifeWatch(shared, died);
    for (let second = 0; second < 60; second++) {
      Atomics.add(words, 0, 1);
      seconds(1);
    }
    expect(died).not.toHaveBeenCalled();
    seconds(SILENCE_S - 1);
    expect(died).not.toHaveBeenCalled();
    seconds(30);
    expect(died.mock.calls).toEqual([[SILENCE_S]]);
  });

  it('may be silent as long as it announced', () => {
    const shared = new SharedArrayBuffer(PULSE_BYTES);
    const words = new Int32Array(shared);
    const died = vi.fn();
    new LifeWatch(shared, died);
    Atomics.add(words, 0, 1);
    Atomics.store(words, 1, 60);
    seconds(59);
    expect(died).not.toHaveBeenCalled();
    seconds(5);
    expect(died).toHaveBeenCalledOnce();
  });

  it('is judged by its messages where memory cannot be shared', () => {
    const died = vi.fn();
    const watch = new LifeWatch(undefined, died);
    seconds(START_S - 1);
    expect(died).not.toHaveBeenCalled();
    watch.heard();
    seconds(SILENCE_S);
    watch.allow(30);
    seconds(29);
    expect(died).not.toHaveBeenCalled();
    watch.allow(0);
    seconds(SILENCE_S + 2);
    expect(died).toHaveBeenCalledOnce();
  });

  it('is not dead because the computer slept', () => {
    const died = vi.fn();
    const watch = new LifeWatch(undefined, died);
    watch.heard();
    vi.setSystemTime(Date.now() + 3_600_000);
    seconds(2);
    expect(died).not.toHaveBeenCalled();
    watch.stop();
    seconds(100);
    expect(died).not.toHaveBeenCalled();
  });
});
