/** That work is cut in no more ranges than a task can have, and in none where sharing it costs more than it saves. */
import { describe, expect, it } from 'vitest';
import { finerCount, rangeCount } from './range_counts.ts';
import { MOST_RANGES } from './threads.ts';

const THREADS = [1, 2, 3, 4, 8, 16];
const WORK = Array.from({ length: 40 }, (_, bits) => 2 ** bits);

describe.each(THREADS)('ranges for %i threads', (threads) => {
  it('grow with the work, from one to what a task can have, and never leave a thread without one', () => {
    const counts = WORK.map((products) => rangeCount(threads, products));
    expect(counts[0]).toBe(1);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    for (const count of counts) {
      expect(count).toBeLessThanOrEqual(MOST_RANGES);
      if (count > 1) expect(count % threads === 0 || count === MOST_RANGES).toBe(true);
    }
    expect(counts.at(-1)).toBe(threads === 1 ? 1 : Math.min(MOST_RANGES, 2 * threads));
  });

  it('become finer only where all threads share the task, and then equally many for each', () => {
    for (const ranges of new Set(WORK.map((products) => rangeCount(threads, products)))) {
      for (const pieces of [0, 1, 5, 17, 1000]) {
        const finer = finerCount(threads, ranges, pieces);
        if (ranges < 2 * threads) expect(finer).toBe(ranges);
        else {
          expect(finer).toBeGreaterThanOrEqual(Math.min(ranges, MOST_RANGES));
          expect(finer).toBeLessThanOrEqual(MOST_RANGES);
          expect(finer % threads === 0 || finer === MOST_RANGES).toBe(true);
        }
      }
    }
  });
});
