/** @file Which windows each build of a runtime runs: together they run every one, and each of them the first. */
import type { TokenWindows } from '../../runtime/windows.ts';

/** Indices of the windows of each build, ascending. The first window goes to all, the others in turn; no two shares differ by more than one. */
export function sharesOf(count: number, builds: number): number[][] {
  const shares = Array.from({ length: builds }, () => [0]);
  for (let index = 1; index < count; index++) shares[(index - 1) % builds].push(index);
  return shares;
}

/** The windows of these indices, copied. */
export function pickWindows(windows: TokenWindows, indices: readonly number[]): TokenWindows {
  const { seqlen } = windows;
  const ids = new Uint32Array(indices.length * seqlen);
  for (const [place, index] of indices.entries()) {
    ids.set(windows.ids.subarray(index * seqlen, (index + 1) * seqlen), place * seqlen);
  }
  return { ...windows, count: indices.length, ids };
}

/** Losses of all windows, in their order, from those of each share; the first window's from the first share. */
export function mergeLosses(shares: readonly (readonly number[])[], losses: readonly (readonly number[])[]): number[] {
  const all: number[] = [];
  for (const [build, indices] of shares.entries()) {
    for (const [place, index] of indices.entries()) if (index > 0 || build === 0) all[index] = losses[build][place];
  }
  return all;
}
