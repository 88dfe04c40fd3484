import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStore } from 'zustand/vanilla';
import { CALM_MS, CalmView } from './calm_view.ts';

const storeOf = () => createStore<{ at: number }>()(() => ({ at: 0 }));

/** A reader that counts how often it is told, and keeps what it was told last. */
function reading(isSeen?: boolean) {
  const store = storeOf();
  const view = new CalmView(store, isSeen);
  const told: number[] = [];
  const leave = view.subscribe((state, before) => {
    expect(state).not.toBe(before);
    told.push(state.at);
  });
  const move = (...places: number[]) => {
    for (const at of places) store.setState({ at });
  };
  return { store, view, told, leave, move };
}

describe('a view that rests while it is out of sight', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('tells every change while it is seen', () => {
    const { view, told, move } = reading();
    move(1, 2, 3);
    expect(told).toEqual([1, 2, 3]);
    expect(view.getState().at).toBe(3);
  });

  it('stands still while a slider moves out of sight, and follows once it rests', () => {
    const { view, told, move } = reading(false);
    const before = view.getState();
    for (let at = 1; at <= 20; at++) {
      move(at);
      vi.advanceTimersByTime(16);
    }
    expect(told).toEqual([]);
    expect(view.getState(), 'one object: nothing is drawn anew').toBe(before);
    vi.advanceTimersByTime(CALM_MS);
    expect(told).toEqual([20]);
    expect(view.getState().at).toBe(20);
    vi.advanceTimersByTime(10_000);
    expect(told).toEqual([20]);
  });

  it('has all that changed as soon as it comes into sight', () => {
    const { view, told, move } = reading(false);
    move(1, 2);
    view.see(true);
    expect(told).toEqual([2]);
    view.see(true);
    vi.advanceTimersByTime(10_000);
    expect(told, 'told once').toEqual([2]);
    move(3);
    expect(told).toEqual([2, 3]);
  });

  it('is not left behind for ever by changes that never rest', () => {
    const { told, move } = reading(false);
    for (let at = 1; at <= 300; at++) {
      move(at);
      vi.advanceTimersByTime(10);
    }
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told.length).toBeLessThanOrEqual(4);
  });

  it('holds nothing of a store that nobody reads, and is fresh for who comes then', () => {
    const { view, told, leave, move } = reading(false);
    move(1);
    leave();
    vi.advanceTimersByTime(10_000);
    expect(told).toEqual([]);
    move(2);
    expect(view.getState().at).toBe(2);
    const heard: number[] = [];
    move(3);
    view.subscribe(({ at }) => heard.push(at));
    expect(view.getState().at).toBe(3);
    move(4);
    vi.advanceTimersByTime(CALM_MS);
    expect(heard).toEqual([4]);
  });
});
