/** @file Text → windows of tokens (DESIGN.md, *Windows*). */
import type { BackendInfo } from '../backend/backend.ts';
import { WhittleError } from '../errors/errors.ts';

/**
 * The first `count` windows of `seqlen` tokens of a text that was tokenised once; the tail is dropped.
 * `ids` holds count·seqlen token ids.
 */
export interface TokenWindows {
  readonly seqlen: number;
  readonly count: number;
  readonly ids: Uint32Array;
  /** Tokens of the whole text, before cutting. */
  readonly totalTokens: number;
}

/**
 * Cuts windows from the start of a tokenised text.
 * @param name Of the text, for messages.
 * @throws `text_too_short` when it does not give `count` windows; `bad_option` for impossible sizes.
 */
export function cutWindows(ids: Uint32Array, seqlen: number, count: number, name: string): TokenWindows {
  requireWhole('seqlen', seqlen, 2);
  requireWhole('windows', count, 1);
  if (ids.length < seqlen * count) {
    const fits = Math.floor(ids.length / seqlen);
    throw new WhittleError({
      code: 'text_too_short',
      message: `The text has ${ids.length} tokens, which is ${fits} windows of ${seqlen}; ${count} were asked for (${count * seqlen} tokens).`,
      place: { file: name },
      allowed: `at least ${count * seqlen} tokens`,
      action: fits > 0 ? `Use a longer text, or at most ${fits} windows.` : 'Use a longer text or shorter windows.',
    });
  }
  return { seqlen, count, ids: ids.slice(0, seqlen * count), totalTokens: ids.length };
}

function requireWhole(field: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new WhittleError({
    code: 'bad_option',
    message: `${field} is ${value}.`,
    place: { field },
    allowed: `a whole number, at least ${least}`,
  });
}

/** Consecutive windows that go through a layer together. */
export interface WindowBatch {
  /** Index of the first window and number of windows. */
  first: number;
  count: number;
}

/** Splits windows `first … first + count` into batches of at most `maxRows` rows (but at least one window each). */
export function batchesOf(windows: TokenWindows, first: number, count: number, maxRows: number): WindowBatch[] {
  const size = Math.max(1, Math.floor(maxRows / windows.seqlen));
  const batches: WindowBatch[] = [];
  for (let start = first; start < first + count; start += size) {
    batches.push({ first: start, count: Math.min(size, first + count - start) });
  }
  return batches;
}

/** A CPU computes, itself or as a software adapter: work goes in small steps, so that cancelling is quick. */
export function isSlow(info: Pick<BackendInfo, 'kind' | 'isFallbackAdapter'>): boolean {
  return info.isFallbackAdapter || info.kind === 'cpu';
}

/** Rows of one batch: enough to keep a GPU busy, few enough that activations stay small and progress is seen. */
export function rowsPerBatch(info: Pick<BackendInfo, 'kind' | 'isFallbackAdapter'>): number {
  return isSlow(info) ? 512 : 2048;
}

export function batchIds(windows: TokenWindows, batch: WindowBatch): Uint32Array {
  return windows.ids.subarray(batch.first * windows.seqlen, (batch.first + batch.count) * windows.seqlen);
}
