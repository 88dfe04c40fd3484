import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { choleskyFactor, choleskySolve } from './cholesky.ts';

/** BᵀB + I of a random B, upper triangle only: what lies below is NaN, so reading it shows. */
function positiveDefinite(n: number): { upper: Float64Array; at: (i: number, j: number) => number } {
  const uniform = randomNumbers(n);
  const b = Float64Array.from({ length: n * n }, () => uniform() - 0.5);
  const upper = new Float64Array(n * n).fill(Number.NaN);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let sum = i === j ? 1 : 0;
      for (let k = 0; k < n; k++) sum += b[k * n + i] * b[k * n + j];
      upper[i * n + j] = sum;
    }
  }
  return { upper, at: (i, j) => upper[Math.min(i, j) * n + Math.max(i, j)] };
}

describe('Cholesky', () => {
  it.each([1, 2, 5, 31, 32, 33, 100])('factors A = L·Lᵀ with L lower triangular, n = %i', (n) => {
    const { upper, at } = positiveDefinite(n);
    const L = choleskyFactor(upper, n);
    let worst = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let k = 0; k <= j; k++) sum += L[i * n + k] * L[j * n + k];
        worst = Math.max(worst, Math.abs(sum - at(i, j)), j < i ? Math.abs(L[j * n + i]) : 0);
      }
    }
    expect(worst).toBeLessThan(1e-13);
  });

  it.each([
    [1, 1],
    [5, 3],
    [33, 1],
    [70, 41],
  ])('solves A·X = B for n = %i and %i right-hand sides, leaving B as it was', (n, columns) => {
    const { upper, at } = positiveDefinite(n);
    const uniform = randomNumbers(99);
    const b = Float64Array.from({ length: n * columns }, () => uniform() - 0.5);
    const before = b.slice();
    const x = choleskySolve(upper, b, n, columns);
    expect(b).toEqual(before);
    let worst = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += at(i, k) * x[k * columns + j];
        worst = Math.max(worst, Math.abs(sum - b[i * columns + j]));
      }
    }
    expect(worst).toBeLessThan(1e-12);
  });

  it.each([
    ['indefinite', [1, 2, 0, 1], 'row 1'],
    ['singular', [1, 1, 1, 1], 'row 1'],
    ['zero', [0, 0, 0, 0], 'row 0'],
    ['NaN', [1, Number.NaN, 0, 1], 'row 1'],
  ])('refuses a matrix that is %s and says at which pivot', (_, matrix, where) => {
    expect(() => choleskyFactor(matrix, 2)).toThrowError(
      expect.objectContaining({ code: 'not_converged', message: expect.stringContaining(where) }),
    );
  });
});
