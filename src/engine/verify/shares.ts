/**
 * @file Which windows each build of a runtime runs. Together they run every one, and none runs twice but where there are fewer windows
 * than builds: each build's windows are compared with what the app has for the same ones.
 */
import type { TokenWindows } from '../../runtime/windows.ts';

/** Of one build: indices of windows, ascending, at least one. */
export type Share = readonly number[];

/** Windows in turn. A build that would have none runs the first. */
export function sharesOf(count: number, builds: number): Share[] {
  return Array.from({ length: builds }, (_, build) => {
    const own: number[] = [];
    for (let index = build; index < count; index += builds) own.push(index);
    return own.length > 0 ? own : [0];
  });
}

/** The windows of a share, copied. */
export function pickWindows(windows: TokenWindows, share: Share): TokenWindows {
  const ids = new Uint32Array(share.length * windows.seqlen);
  for (const [place, index] of share.entries()) ids.set(idsOf(windows, index), place * windows.seqlen);
  return { ...windows, count: share.length, ids };
}

/** Token ids of a window. */
export function idsOf({ ids, seqlen }: TokenWindows, index: number): Uint32Array {
  return ids.subarray(index * seqlen, (index + 1) * seqlen);
}

/** Losses of all windows, in their order, from those of each share; of a window that several ran, the first's. */
export function mergeLosses(shares: readonly Share[], losses: readonly (readonly number[])[]): number[] {
  const all: number[] = [];
  for (const [build, share] of shares.entries()) {
    for (const [place, index] of share.entries()) all[index] ??= losses[build][place];
  }
  return all;
}
