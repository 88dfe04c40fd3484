/** @file In how many ranges a task is cut, by its work and by the threads that share it. */
import { MOST_RANGES } from './threads.ts';

/** Below this many products a second thread costs more than it saves. */
const WORTH_SHARING = 2 ** 18;
/** A millisecond's work: each range packs its operands anew. */
const WORTH_SPLITTING = 2 ** 26;

/** Ranges of a task of so many products: of a long one more than there are threads, so that one that is held up leaves work to the others. */
export function rangeCount(threads: number, products: number): number {
  if (threads === 1 || products < WORTH_SHARING) return 1;
  return Math.min(MOST_RANGES, products < WORTH_SPLITTING ? threads : 2 * threads);
}

/**
 * Ranges of a task that was to be cut in `ranges`, where so many pieces of it cost no more than fewer: threads that are not equally fast
 * end closer together. As many for each thread.
 */
export function finerCount(threads: number, ranges: number, pieces: number): number {
  if (ranges < 2 * threads) return ranges;
  return Math.min(MOST_RANGES, Math.max(ranges, Math.ceil(pieces / threads) * threads));
}
