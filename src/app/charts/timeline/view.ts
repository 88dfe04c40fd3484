/** @file The part of a timeline that is seen: zooming and moving. Pure. */
import type { Window } from '../../../report/timeline/summary.ts';

/** Milliseconds: finer is below what clocks of browsers tell. */
const LEAST_MS = 0.02;

/** @param factor Below 1: less is seen, larger. @param at Share of the view that stays where it is: 0 left, 1 right. */
export function zoomed(view: Window, all: Window, factor: number, at = 0.5): Window {
  const length = view.end - view.start;
  const next = Math.max(LEAST_MS, length * factor);
  const start = view.start + (length - next) * at;
  return within({ start, end: start + next }, all);
}

/** @param share Of the view; to the right where it is positive. */
export function moved(view: Window, all: Window, share: number): Window {
  const by = (view.end - view.start) * share;
  return within({ start: view.start + by, end: view.end + by }, all);
}

/** As long as it is, but never over an edge. */
function within({ start, end }: Window, all: Window): Window {
  const length = end - start;
  if (length >= all.end - all.start) return all;
  const from = Math.min(Math.max(start, all.start), all.end - length);
  return { start: from, end: from + length };
}

/** What a key does to a view; null where it does nothing. */
export function viewByKey(key: string, view: Window, all: Window): Window | null {
  const length = view.end - view.start;
  switch (key) {
    case 'ArrowLeft':
      return moved(view, all, -0.2);
    case 'ArrowRight':
      return moved(view, all, 0.2);
    case '+':
    case '=':
      return zoomed(view, all, 0.5);
    case '-':
      return zoomed(view, all, 2);
    case '0':
      return all;
    case 'Home':
      return { start: all.start, end: all.start + length };
    case 'End':
      return { start: all.end - length, end: all.end };
    default:
      return null;
  }
}

/** 12_340 → "12.3 s", 4.2 → "4.20 ms", 0.034 → "34 µs". */
export function formatMs(ms: number): string {
  if (ms >= 99_950) return `${(ms / 1000).toFixed(0)} s`;
  if (ms >= 999.5) return `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s`;
  if (ms >= 0.9995) return `${ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0)} ms`;
  return `${(ms * 1000).toFixed(0)} µs`;
}

/** Times from the beginning, for an axis over `length` milliseconds: one unit for all. */
export function axisText(ms: number, length: number): string {
  const [unit, name] = length >= 2000 ? [1000, 's'] : length >= 2 ? [1, 'ms'] : [0.001, 'µs'];
  // As fine as the ticks, about eight of which there are.
  const digits = Math.max(0, Math.ceil(-Math.log10(length / unit / 8)));
  return `${(ms / unit).toFixed(digits)} ${name}`;
}
