/**
 * @file The kept weights of each output row by least squares: min (w − w₀)·H·(w − w₀)ᵀ on the row's support, H the damped
 * Gram. The best that any update of a given mask can do on the calibration text.
 */
import { breather } from '../../backend/event_loop.ts';
import { choleskySolve, type LinalgOptions } from '../../backend/linalg/cholesky.ts';
import { addProduct, view } from '../../backend/linalg/gemm.ts';
import { DAMPING } from './hessian.ts';

/**
 * @param W (rows, columns): the dense weights w₀.
 * @param dropped (rows, columns): 1 where a weight is 0.
 * @param gram (columns, columns): XᵀX.
 * @throws `not_converged`, `cancelled`
 */
export async function maskedLeastSquares(
  W: Float64Array,
  rows: number,
  columns: number,
  dropped: Uint8Array,
  gram: Float64Array,
  options: LinalgOptions = {},
  damping = DAMPING,
): Promise<Float64Array> {
  const { signal, multiply = addProduct } = options;
  const breathe = breather(signal);
  const H = gram.slice();
  let sum = 0;
  for (let i = 0; i < columns; i++) sum += H[i * columns + i];
  for (let i = 0; i < columns; i++) H[i * columns + i] += (damping * sum) / columns;
  const target = new Float64Array(rows * columns);
  multiply(rows, columns, columns, view(W, columns), view(H, columns), view(target, columns));
  const fitted = new Float64Array(rows * columns);
  const kept = new Uint32Array(columns);
  for (let row = 0; row < rows; row++) {
    const base = row * columns;
    let count = 0;
    for (let column = 0; column < columns; column++) if (!dropped[base + column]) kept[count++] = column;
    if (count === 0) continue;
    const inner = new Float64Array(count * count);
    const right = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      right[i] = target[base + kept[i]];
      for (let j = i; j < count; j++) inner[i * count + j] = H[kept[i] * columns + kept[j]];
    }
    const solution = await choleskySolve(inner, right, count, 1, options);
    for (let i = 0; i < count; i++) fitted[base + kept[i]] = solution[i];
    await breathe();
  }
  return fitted;
}
