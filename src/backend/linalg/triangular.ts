/** @file Inverses of upper triangular matrices in f64, by halves, so that products do most of the work. */
import { breather, throwIfCancelled } from '../event_loop.ts';
import type { LinalgOptions } from './cholesky.ts';
import { addProduct, view } from './gemm.ts';

/** At most so many rows are inverted one element at a time. */
const SMALL = 64;

/** Inverse of U[start:end, start:end], (m, m) row-major, of an upper triangular U (n, n). */
export function invertUpperBlock(U: Float64Array, n: number, start: number, end: number): Float64Array {
  const m = end - start;
  const inverse = new Float64Array(m * m);
  for (let i = m - 1; i >= 0; i--) {
    const row = (start + i) * n + start;
    const reciprocal = 1 / U[row + i];
    // Row i: (e_i − Σ_{k>i} U_ik · row k) / U_ii.
    for (let k = i + 1; k < m; k++) {
      const factor = U[row + k];
      if (factor === 0) continue;
      for (let j = k; j < m; j++) inverse[i * m + j] -= factor * inverse[k * m + j];
    }
    for (let j = i + 1; j < m; j++) inverse[i * m + j] *= reciprocal;
    inverse[i * m + i] = reciprocal;
  }
  return inverse;
}

/**
 * U⁻¹ of an upper triangular U, (n, n) row-major; zeros below the diagonal. [U₁ B; 0 U₂]⁻¹ = [U₁⁻¹ −U₁⁻¹·B·U₂⁻¹; 0 U₂⁻¹].
 * @throws `cancelled`
 */
export async function invertUpper(
  U: Float64Array,
  n: number,
  { signal, multiply = addProduct }: LinalgOptions = {},
): Promise<Float64Array> {
  throwIfCancelled(signal);
  const breathe = breather(signal);
  const inverse = new Float64Array(n * n);
  const invert = async (start: number, end: number): Promise<void> => {
    const m = end - start;
    if (m <= SMALL) {
      const block = invertUpperBlock(U, n, start, end);
      for (let i = 0; i < m; i++) inverse.set(block.subarray(i * m, (i + 1) * m), (start + i) * n + start);
      return;
    }
    // A multiple of the kernel's tiles, near the middle.
    const middle = start + Math.max(SMALL, Math.round(m / 2 / SMALL) * SMALL);
    await invert(start, middle);
    await invert(middle, end);
    const [rows, columns] = [middle - start, end - middle];
    const half = new Float64Array(rows * columns);
    multiply(
      rows,
      columns,
      columns,
      view(U, n, start * n + middle),
      view(inverse, n, middle * n + middle),
      view(half, columns),
    );
    for (let i = 0; i < half.length; i++) half[i] = -half[i];
    multiply(
      rows,
      columns,
      rows,
      view(inverse, n, start * n + start),
      view(half, columns),
      view(inverse, n, start * n + middle),
    );
    await breathe();
  };
  await invert(0, n);
  return inverse;
}
