/** @file Comparing a model with the golden numbers of `tools/family_references.py`. */
import type { TokenWindows } from '../../src/runtime/windows.ts';

export function oneWindow(ids: readonly number[]): TokenWindows {
  return windowsOf([ids]);
}

/** Windows of equal length. */
export function windowsOf(windows: readonly (readonly number[])[]): TokenWindows {
  const ids = Uint32Array.from(windows.flat());
  return { seqlen: windows[0].length, count: windows.length, ids, totalTokens: ids.length };
}

/**
 * Largest |found − expected| of some rows of logits over the largest expected one; infinite where a number is not finite.
 * @param found (tokens, vocab_size). @param expected One array for each of `rows`.
 */
export function worstLogit(
  found: ArrayLike<number>,
  rows: readonly number[],
  expected: readonly (readonly number[])[],
): number {
  let worst = 0;
  let largest = 0;
  for (const [i, row] of rows.entries()) {
    const vocabulary = expected[i].length;
    for (const [column, value] of expected[i].entries()) {
      const difference = Math.abs(found[row * vocabulary + column] - value);
      if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
      largest = Math.max(largest, Math.abs(value));
    }
  }
  return worst / largest;
}
