/** @file SmoothQuant's scale (arXiv 2211.10438, eq. 4): s = max|x|^α / max|w|^(1−α) of each input, over all linears that read it. */

const SMALLEST = 1e-5;

/**
 * @param matrices (rows, columns) each, that read the same input.
 * @param largest (columns): max |x| of each input.
 * @returns (columns): inputs are divided by it, weights multiplied. 1 for an input that is always 0.
 */
export function smoothScale(
  matrices: readonly { readonly W: Float64Array; readonly rows: number }[],
  columns: number,
  largest: Float64Array,
  alpha: number,
): Float64Array {
  const weights = new Float64Array(columns).fill(SMALLEST);
  for (const { W } of matrices) {
    for (let i = 0; i < W.length; i++) weights[i % columns] = Math.max(weights[i % columns], Math.abs(W[i]));
  }
  return largest.map((x, i) => (x === 0 ? 1 : Math.max(SMALLEST, x ** alpha / weights[i] ** (1 - alpha))));
}
