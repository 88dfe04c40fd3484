import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { addProduct, transposed, view } from './gemm.ts';

function random(count: number, seed: number): Float64Array {
  const uniform = randomNumbers(seed);
  return Float64Array.from({ length: count }, () => uniform() - 0.5);
}

/** Largest difference between two arrays of one length. */
function distance(a: Float64Array, b: Float64Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
}

/** Below one tile, exact tiles, odd tails, and above every block of the packed product (64 × 256 × 256). */
const SHAPES = [
  [1, 1, 1],
  [3, 5, 2],
  [4, 4, 4],
  [7, 13, 9],
  [65, 6, 257],
  [66, 261, 258],
] as const;

describe('addProduct', () => {
  it.each(SHAPES)('adds A·B for (%i, %i) from %i products, plain and transposed', (m, n, k) => {
    const a = random(m * k, 1);
    const b = random(k * n, 2);
    const before = random(m * n, 3);
    const expected = before.slice();
    const a_t = new Float64Array(m * k);
    const b_t = new Float64Array(k * n);
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < k; p++) {
        a_t[p * m + i] = a[i * k + p];
        for (let j = 0; j < n; j++) expected[i * n + j] += a[i * k + p] * b[p * n + j];
      }
    }
    for (let p = 0; p < k; p++) for (let j = 0; j < n; j++) b_t[j * k + p] = b[p * n + j];

    for (const left of [view(a, k), transposed(view(a_t, m))]) {
      for (const right of [view(b, n), transposed(view(b_t, k))]) {
        const c = before.slice();
        addProduct(m, n, k, left, right, view(c, n));
        expect(distance(c, expected)).toBeLessThan(1e-13);
      }
    }
  });

  it.each([1, 2, 5, 64, 67, 259])('touches only the upper triangle of a square result on request, n = %i', (n) => {
    const x = random(n * 3, 4);
    const c = new Float64Array(n * n).fill(7);
    addProduct(n, n, 3, transposed(view(x, n)), view(x, n), view(c, n), true);
    let worst = 0;
    let touched = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const gram = x[i] * x[j] + x[n + i] * x[n + j] + x[2 * n + i] * x[2 * n + j];
        if (j < i) touched += c[i * n + j] === 7 ? 0 : 1;
        else worst = Math.max(worst, Math.abs(c[i * n + j] - 7 - gram));
      }
    }
    expect(touched).toBe(0);
    expect(worst).toBeLessThan(1e-14);
  });

  it('works inside larger matrices and leaves their other elements alone', () => {
    const a = random(100, 5);
    const c = new Float64Array(100);
    addProduct(2, 3, 2, view(a, 10, 11), view(a, 10, 44), view(c, 10, 22));
    for (let i = 0; i < 10; i++) {
      for (let j = 0; j < 10; j++) {
        const inside = i >= 2 && i < 4 && j >= 2 && j < 5;
        const [row, column] = [i - 2, j - 2];
        const sum = inside ? a[11 + row * 10] * a[44 + column] + a[12 + row * 10] * a[54 + column] : 0;
        expect(c[i * 10 + j]).toBeCloseTo(sum, 14);
      }
    }
  });

  it('lets NaN through, even against zeros', () => {
    const c = new Float64Array(4);
    addProduct(2, 2, 1, view(Float64Array.of(Number.NaN, 1), 1), view(Float64Array.of(0, 2), 2), view(c, 2));
    expect([...c]).toEqual([Number.NaN, Number.NaN, 0, 2]);
  });
});
