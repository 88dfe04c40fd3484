/** @file Inverses of upper triangular matrices in f64, by halves, so that products do most of the work. */
import { breather, throwIfCancelled } from '../event_loop.ts';
import type { LinalgOptions } from './cholesky.ts';
import { type AddProduct, addProduct, view } from './gemm.ts';
import { room, whereShared } from './shared_work.ts';

/** At most so many rows are inverted one element at a time. */
const SMALL = 64;
/** Columns or rows of a triangular factor that are multiplied together, with the zeros that are among them. */
const PANEL = 256;

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
 * U⁻¹ of an upper triangular U, (n, n) row-major; zeros below the diagonal. U is left as it is.
 * @throws `cancelled`
 */
export function invertUpper(U: Float64Array, n: number, options: LinalgOptions = {}): Promise<Float64Array> {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) inverse.set(U.subarray(i * n + i, (i + 1) * n), i * n + i);
  return invertUpperInPlace(inverse, n, options);
}

/** As {@link invertUpper}, in the place of U, below whose diagonal there are zeros. [U₁ B; 0 U₂]⁻¹ = [U₁⁻¹ −U₁⁻¹·B·U₂⁻¹; 0 U₂⁻¹]. */
export async function invertUpperInPlace(
  U: Float64Array,
  n: number,
  { signal, multiply = addProduct }: LinalgOptions = {},
): Promise<Float64Array> {
  throwIfCancelled(signal);
  const held = room(multiply);
  try {
    // Of all halves, the first of which is the largest.
    const scratch = held.take((Math.ceil(n / 2) + SMALL) ** 2);
    await whereShared(U, multiply, (place) => invertHalves(place, n, scratch, breather(signal), multiply));
  } finally {
    held.release();
  }
  return U;
}

function invertHalves(
  U: Float64Array,
  n: number,
  scratch: Float64Array,
  breathe: () => Promise<void> | undefined,
  multiply: AddProduct,
): Promise<void> {
  const invert = async (start: number, end: number): Promise<void> => {
    const m = end - start;
    if (m <= SMALL) {
      const block = invertUpperBlock(U, n, start, end);
      for (let i = 0; i < m; i++) U.set(block.subarray(i * m, (i + 1) * m), (start + i) * n + start);
      return;
    }
    // A multiple of the kernel's tiles, near the middle.
    const middle = start + Math.max(SMALL, Math.round(m / 2 / SMALL) * SMALL);
    await invert(start, middle);
    await invert(middle, end);
    const [rows, columns] = [middle - start, end - middle];
    const half = scratch.subarray(0, rows * columns).fill(0);
    // −B·U₂⁻¹, whose column j needs no rows of U₂⁻¹ below j.
    for (let first = 0; first < columns; first += PANEL) {
      const last = Math.min(columns, first + PANEL);
      const B = view(U, n, start * n + middle);
      multiply(rows, last - first, last, B, view(U, n, middle * n + middle + first), view(half, columns, first));
    }
    for (let i = 0; i < half.length; i++) half[i] = -half[i];
    for (let row = start; row < middle; row++) U.fill(0, row * n + middle, row * n + end);
    // U₁⁻¹ times that: row i needs none above i.
    for (let first = 0; first < rows; first += PANEL) {
      const last = Math.min(rows, first + PANEL);
      const at = (start + first) * n;
      const rest = view(half, columns, first * columns);
      multiply(last - first, columns, rows - first, view(U, n, at + start + first), rest, view(U, n, at + middle));
    }
    const pause = breathe();
    if (pause) await pause;
  };
  return invert(0, n);
}
