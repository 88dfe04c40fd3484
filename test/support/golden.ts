/** @file The models of `fixtures/families`, and comparing them with their golden numbers. */
import { randomIds } from '../../src/backend/testing.ts';
import { openModel } from '../../src/models/open_model.ts';
import type { TokenWindows } from '../../src/runtime/windows.ts';
import { type Family, familyFiles } from '../fixtures/families/family_model.ts';
import type { TestJob } from './slice_job.ts';

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

const LENGTH = 20;

/** A family's model with windows of seeded token ids; the fixture's own calibration where it has one. */
export async function familyJob(family: Family): Promise<TestJob> {
  const { model } = await openModel(await familyFiles(family));
  const ids = (windows: number, seed: number) =>
    windowsOf(Array.from({ length: windows }, (_, i) => [...randomIds(LENGTH, model.config.vocab_size, seed + i)]));
  const calibration = family.sliced ? windowsOf(family.sliced.calibration) : ids(6, 1);
  return { model, calibration, evaluation: ids(2, 50) };
}
