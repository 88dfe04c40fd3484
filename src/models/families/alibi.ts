/** @file ALiBi (arXiv 2108.12409): what a score loses for each position between query and key, one slope a head. */

/**
 * Geometric from 2^(−8/n) for n heads that are a power of two. For other numbers: those of the power of two below, then
 * every second slope of the power of two above, as the paper's code and transformers have it.
 */
export function alibiSlopes(heads: number): number[] {
  const below = 2 ** Math.floor(Math.log2(heads));
  const geometric = (n: number, power: number) => 2 ** ((-8 * power) / n);
  return Array.from({ length: heads }, (_, head) =>
    head < below ? geometric(below, head + 1) : geometric(2 * below, 2 * (head - below) + 1),
  );
}
