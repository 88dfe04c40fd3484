/** That every window is run, none twice, and that each loss finds its window again. */
import { describe, expect, it } from 'vitest';
import { idsOf, mergeLosses, pickWindows, sharesOf } from './shares.ts';

const SEQLEN = 5;
const CASES = [1, 2, 3, 7, 8, 40].flatMap((count) => [1, 2, 3].map((builds) => [count, builds] as const));

describe.each(CASES)('shares of %i windows for %i builds', (count, builds) => {
  const shares = sharesOf(count, builds);
  const everyWindow = Array.from({ length: count }, (_, i) => i);
  const ids = Uint32Array.from({ length: count * SEQLEN }, (_, i) => i);
  const picked = shares.map((share) => pickWindows({ seqlen: SEQLEN, count, ids, totalTokens: ids.length }, share));

  it('hold any window once, and none is empty: a build that would be runs the first', () => {
    expect(shares).toHaveLength(builds);
    const filled = shares.slice(0, count);
    expect(filled.flat().sort((a, b) => a - b)).toEqual(everyWindow);
    for (const share of shares.slice(count)) expect(share).toEqual([0]);
  });

  it('are as even as whole windows can be', () => {
    const counts = picked.map((part) => part.count);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(Math.max(...counts)).toBe(Math.ceil(count / builds));
  });

  it('are picked from the windows, and their losses put together in the order of the windows', () => {
    // A loss that tells its window and its build.
    const losses = picked.map((part, build) =>
      Array.from({ length: part.count }, (_, place) => idsOf(part, place)[0] / SEQLEN + build / 10),
    );
    const merged = mergeLosses(shares, losses);
    expect(merged.map(Math.floor)).toEqual(everyWindow);
    expect(merged[0]).toBe(0);
    for (const [build, share] of shares.entries()) {
      for (const [place, index] of share.entries()) {
        expect([...idsOf(picked[build], place)]).toEqual([...ids.subarray(index * SEQLEN, (index + 1) * SEQLEN)]);
      }
    }
  });
});
