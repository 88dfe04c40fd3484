import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { choleskyFactor, choleskySolve } from './cholesky.ts';
import { inverseFactor } from './inverse_factor.ts';
import { invertUpper } from './triangular.ts';

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
  it.each([1, 2, 5, 63, 64, 65, 150, 321])('factors A = UᵀU with U upper triangular, n = %i', async (n) => {
    const { upper, at } = positiveDefinite(n);
    const { U } = await choleskyFactor(upper, n);
    let worst = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let k = 0; k <= j; k++) sum += U[k * n + i] * U[k * n + j];
        worst = Math.max(worst, Math.abs(sum - at(i, j)), j < i ? Math.abs(U[i * n + j]) : 0);
      }
    }
    expect(worst).toBeLessThan(1e-13);
  });

  it.each([
    [1, 1],
    [5, 3],
    [33, 1],
    [70, 41],
    [150, 7],
    [321, 5],
  ])('solves A·X = B for n = %i and %i right-hand sides, leaving B as it was', async (n, columns) => {
    const { upper, at } = positiveDefinite(n);
    const uniform = randomNumbers(99);
    const b = Float64Array.from({ length: n * columns }, () => uniform() - 0.5);
    const before = b.slice();
    const x = await choleskySolve(upper, b, n, columns);
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
  ])('refuses a matrix that is %s and says at which pivot', async (_, matrix, where) => {
    await expect(choleskyFactor(matrix, 2)).rejects.toMatchObject({
      code: 'not_converged',
      message: expect.stringContaining(where),
    });
  });

  it('can be cancelled', async () => {
    const { upper } = positiveDefinite(5);
    await expect(choleskyFactor(upper, 5, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

/** max |A·B − I| of (n, n) matrices. */
function offIdentity(n: number, a: (i: number, k: number) => number, b: (k: number, j: number) => number): number {
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a(i, k) * b(k, j);
      worst = Math.max(worst, Math.abs(sum - (i === j ? 1 : 0)));
    }
  }
  return worst;
}

describe('triangular inverses', () => {
  it.each([1, 3, 64, 65, 130, 257, 580])('U⁻¹·U = I, n = %i', async (n) => {
    const { upper } = positiveDefinite(n);
    const { U } = await choleskyFactor(upper, n);
    const inverse = await invertUpper(U, n);
    expect(
      offIdentity(
        n,
        (i, k) => inverse[i * n + k],
        (k, j) => U[k * n + j],
      ),
    ).toBeLessThan(1e-12);
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(inverse[i * n + j]).toBe(0);
  });

  it.each([1, 2, 65, 130, 270])('the factor of an inverse: H⁻¹ = UᵀU with U upper triangular, n = %i', async (n) => {
    const { upper, at } = positiveDefinite(n);
    const full = Float64Array.from(upper, (_, i) => at(Math.floor(i / n), i % n));
    const U = await inverseFactor(full, n);
    const inverse = (i: number, j: number) => {
      let sum = 0;
      for (let k = 0; k <= Math.min(i, j); k++) sum += U[k * n + i] * U[k * n + j];
      return sum;
    };
    const product = Float64Array.from(upper, (_, i) => inverse(Math.floor(i / n), i % n));
    expect(offIdentity(n, at, (k, j) => product[k * n + j])).toBeLessThan(1e-11);
    for (let i = 0; i < n; i++) {
      expect(U[i * n + i]).toBeGreaterThan(0);
      for (let j = 0; j < i; j++) expect(U[i * n + j]).toBe(0);
    }
  });
});
