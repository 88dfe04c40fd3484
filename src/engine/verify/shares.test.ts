/** That every window is run, the first in each build, and that each loss finds its window again. */
import { describe, expect, it } from 'vitest';
import { idsOf, mergeLosses, partOfFirst, pickWindows, sharesOf, wholeWindows } from './shares.ts';

const SEQLEN = 5;
const CASES = [1, 2, 3, 7, 8, 40].flatMap((count) =>
  [1, 2, 3].flatMap((builds) => [true, false].map((canCut) => [count, builds, canCut] as const)),
);

describe.each(CASES)('shares of %i windows for %i builds, cut: %s', (count, builds, canCut) => {
  const shares = sharesOf(count, SEQLEN, builds, canCut);
  const everyWindow = Array.from({ length: count }, (_, i) => i);
  const ids = Uint32Array.from({ length: count * SEQLEN }, (_, i) => i);
  const picked = shares.map((share) => pickWindows({ seqlen: SEQLEN, count, ids, totalTokens: ids.length }, share));

  it('hold the first window in each, whole in the first, any other in one', () => {
    expect(shares).toHaveLength(builds);
    for (const { windows } of shares) expect(windows[0]).toBe(0);
    expect(shares[0].first_tokens).toBe(SEQLEN);
    const others = shares.flatMap(({ windows }) => windows.slice(1));
    expect(others.sort((a, b) => a - b)).toEqual(everyWindow.slice(1));
    for (const { first_tokens } of shares.slice(1)) {
      expect([SEQLEN, ...(canCut ? [partOfFirst(SEQLEN)] : [])]).toContain(first_tokens);
    }
  });

  it('are as even as can be: what all run is paid for by no more than its tokens', () => {
    const tokens = picked.map((part) =>
      everyWindow.slice(0, part.count).reduce((n, i) => n + idsOf(part, i).length, 0),
    );
    const extra = canCut ? partOfFirst(SEQLEN) : SEQLEN;
    expect(Math.max(...tokens) - Math.min(...tokens)).toBeLessThanOrEqual(Math.max(extra, SEQLEN));
    expect(Math.max(...tokens)).toBeLessThanOrEqual(Math.ceil(count / builds) * SEQLEN + (builds > 1 ? extra : 0));
    // Nothing better is left where they come out even.
    if ((count - 1) % builds === 0) expect(Math.max(...tokens)).toBe(((count - 1) / builds + 1) * SEQLEN);
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
      const whole = wholeWindows(share, SEQLEN);
      expect(whole.map(({ index }) => index)).toEqual(
        share.windows.filter((index) => index > 0 || share.first_tokens === SEQLEN),
      );
      for (const { index, place } of whole) {
        expect([...idsOf(picked[build], place)]).toEqual([...ids.subarray(index * SEQLEN, (index + 1) * SEQLEN)]);
      }
      expect([...idsOf(picked[build], 0)]).toEqual([...ids.subarray(0, share.first_tokens)]);
    }
  });
});

it('cuts no window so short that it has no loss', () => {
  expect([2, 3, 4, 256].map(partOfFirst)).toEqual([2, 2, 2, 128]);
});
