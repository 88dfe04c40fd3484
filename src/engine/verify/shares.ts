/**
 * @file Which windows each build of a runtime runs. Together they run every one, and to be compared with each other all run the first.
 * A build behind the first that would have more to do than others for that runs only its first half. This tells no less than the
 * whole: a build's own windows, at least as many tokens, are compared with what the app has for the same ones, so that a fault which
 * shows only late in a window shows there.
 */
import type { TokenWindows } from '../../runtime/windows.ts';

/** Of one build. */
export interface Share {
  /** Indices, ascending; the first window is in every share. */
  readonly windows: readonly number[];
  /** Tokens of the first window; `seqlen` where it is run whole. */
  readonly first_tokens: number;
}

/** Windows to be run, of which the first may be cut short. */
export interface ShareWindows extends TokenWindows {
  /** Of the first window, those that are run; absent: all. */
  readonly first_tokens?: number;
}

/** Tokens of the first window that stand for it. A loss takes two. */
export function partOfFirst(seqlen: number): number {
  return Math.max(2, Math.ceil(seqlen / 2));
}

/**
 * Windows in turn. Builds that have one less than the first run the first window whole, others cut to {@link partOfFirst}.
 * @param canCut Whether so many tokens of a window have the same logits without the rest; else none is cut.
 */
export function sharesOf(count: number, seqlen: number, builds: number, canCut: boolean): Share[] {
  const most = Math.ceil(count / builds);
  return Array.from({ length: builds }, (_, build) => {
    const own: number[] = [];
    for (let index = build; index < count; index += builds) own.push(index);
    if (build === 0) return { windows: own, first_tokens: seqlen };
    const isCut = canCut && own.length === most;
    return { windows: [0, ...own], first_tokens: isCut ? partOfFirst(seqlen) : seqlen };
  });
}

/** The windows of a share, copied. */
export function pickWindows(windows: TokenWindows, { windows: indices, first_tokens }: Share): ShareWindows {
  const { seqlen } = windows;
  const ids = new Uint32Array(indices.length * seqlen);
  for (const [place, index] of indices.entries()) {
    ids.set(windows.ids.subarray(index * seqlen, (index + 1) * seqlen), place * seqlen);
  }
  return { ...windows, count: indices.length, ids, ...(first_tokens < seqlen && { first_tokens }) };
}

/** Token ids of a window as far as it is run. */
export function idsOf({ ids, seqlen, first_tokens }: ShareWindows, index: number): Uint32Array {
  const start = index * seqlen;
  return ids.subarray(start, start + (index === 0 ? (first_tokens ?? seqlen) : seqlen));
}

/** Of the windows that a share runs whole: index, and place in the share. */
export function wholeWindows({ windows, first_tokens }: Share, seqlen: number): { index: number; place: number }[] {
  const all = windows.map((index, place) => ({ index, place }));
  return first_tokens < seqlen ? all.slice(1) : all;
}

/** Losses of all windows, in their order, from those of each share; the first window's from the first share. */
export function mergeLosses(shares: readonly Share[], losses: readonly (readonly number[])[]): number[] {
  const all: number[] = [];
  for (const [build, { windows }] of shares.entries()) {
    for (const [place, index] of windows.entries()) if (index > 0 || build === 0) all[index] = losses[build][place];
  }
  return all;
}
