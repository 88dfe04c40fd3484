/** That every window is run, the first in each build, and that each loss finds its window again. */
import { describe, expect, it } from 'vitest';
import { mergeLosses, pickWindows, sharesOf } from './shares.ts';

const CASES = [1, 2, 3, 7, 8, 40].flatMap((count) => [1, 2, 3].map((builds) => [count, builds] as const));
const SEQLEN = 3;

describe.each(CASES)('shares of %i windows for %i builds', (count, builds) => {
  const shares = sharesOf(count, builds);
  const everyWindow = Array.from({ length: count }, (_, i) => i);

  it('hold the first window in each, any other in one, as evenly as can be', () => {
    expect(shares).toHaveLength(builds);
    for (const share of shares) expect(share[0]).toBe(0);
    const others = shares.flatMap((share) => share.slice(1));
    expect(others.sort((a, b) => a - b)).toEqual(everyWindow.slice(1));
    const sizes = shares.map(({ length }) => length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  it('are picked from the windows, and their losses put together in the order of the windows', () => {
    const ids = Uint32Array.from({ length: count * SEQLEN }, (_, i) => i);
    const picked = shares.map((share) => pickWindows({ seqlen: SEQLEN, count, ids, totalTokens: ids.length }, share));
    // A loss that tells its window and its build.
    const losses = picked.map((part, build) =>
      Array.from({ length: part.count }, (_, place) => part.ids[place * SEQLEN] / SEQLEN + build / 10),
    );
    const merged = mergeLosses(shares, losses);
    expect(merged.map(Math.floor)).toEqual(everyWindow);
    expect(merged[0]).toBe(0);
    for (const part of picked) expect(part.ids).toHaveLength(part.count * SEQLEN);
  });
});
