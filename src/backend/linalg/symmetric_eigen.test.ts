import { describe, expect, it } from 'vitest';
import { MATRIX_FAMILIES, randomNumbers } from '../matrix_families.ts';
import { certify, frobenius } from './certificate.ts';
import { addProduct, transposed, view } from './gemm.ts';
import { symmetricEigen, symmetricEigenvalues } from './symmetric_eigen.ts';

const SIZES = [1, 2, 3, 5, 20, 64, 129];

/** Bound in units of (n + 4)·2⁻⁵³; the worst over these families and sizes was 1.4. */
const BOUND = 3;

describe('symmetricEigen', () => {
  describe.each(MATRIX_FAMILIES)('$name', ({ build, positive }) => {
    it.each(SIZES)('is orthogonal, satisfies A·Q = Q·Λ and keeps the trace, n = %i', async (n) => {
      const matrix = build(n);
      const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n);
      const { orthogonality_error, residual, measured } = certify(matrix, eigenvalues, eigenvectors, n, n);
      const unit = (n + 4) * 2 ** -53;
      expect(measured).toBe('exact');
      expect(orthogonality_error).toBeLessThan(BOUND * unit);
      expect(residual).toBeLessThan(BOUND * unit);

      let trace = 0;
      let size = 0;
      for (let i = 0; i < n; i++) trace += matrix[i * n + i];
      for (const value of eigenvalues) size += Math.abs(value);
      expect(Math.abs(eigenvalues.reduce((sum, value) => sum + value, 0) - trace)).toBeLessThanOrEqual(
        BOUND * unit * size,
      );

      const descending = [...eigenvalues].every((value, i) => i === 0 || value <= eigenvalues[i - 1]);
      expect(descending).toBe(true);
      // The families' entries are rounded to f32, which moves an eigenvalue by up to n·2⁻²⁴ of the largest.
      if (positive) expect(eigenvalues[n - 1]).toBeGreaterThanOrEqual(-n * 2 ** -24 * eigenvalues[0]);
      for (let j = 0; j < n; j++) {
        let largest = 0;
        for (let i = 0; i < n; i++) {
          if (Math.abs(eigenvectors[i * n + j]) > Math.abs(largest)) largest = eigenvectors[i * n + j];
        }
        expect(largest).toBeGreaterThan(0);
      }
    });
  });

  it.each(MATRIX_FAMILIES)('keeps to the bound at n = 576: $name', async ({ build }) => {
    const n = 576;
    const matrix = build(n);
    const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n);
    const { orthogonality_error, residual } = certify(matrix, eigenvalues, eigenvectors, n);
    expect(orthogonality_error).toBeLessThan(BOUND * (n + 4) * 2 ** -53);
    expect(residual).toBeLessThan(BOUND * (n + 4) * 2 ** -53);
  });

  it.each([
    [20, 1],
    [20, 20],
    [129, 50],
    [305, 7],
    [305, 230],
  ])('finds the largest alone where no more are wanted: n = %i, %i of them', async (n, wanted) => {
    for (const { name, build } of MATRIX_FAMILIES) {
      const matrix = build(n);
      const all = await symmetricEigen(matrix, n);
      const some = await symmetricEigen(matrix, n, undefined, undefined, wanted);
      const size = Math.max(Math.abs(all.eigenvalues[0]), Math.abs(all.eigenvalues[n - 1]));
      const unit = (n + 4) * 2 ** -53;
      const Q = view(some.eigenvectors, wanted);
      expect(some.eigenvectors.length).toBe(n * wanted);
      for (const [j, value] of some.eigenvalues.entries()) {
        expect(Math.abs(value - all.eigenvalues[j]), name).toBeLessThanOrEqual(BOUND * unit * size);
      }
      const gram = new Float64Array(wanted * wanted);
      addProduct(wanted, wanted, n, transposed(Q), Q, view(gram, wanted));
      for (let j = 0; j < wanted; j++) gram[j * wanted + j] -= 1;
      expect(Math.max(...gram.map(Math.abs)), name).toBeLessThan(BOUND * unit);
      const whole = new Float64Array(n * n);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) whole[i * n + j] = matrix[Math.min(i, j) * n + Math.max(i, j)];
      const residual = new Float64Array(n * wanted);
      addProduct(n, wanted, n, view(whole, n), Q, view(residual, wanted));
      for (let i = 0; i < residual.length; i++) residual[i] -= Q.values[i] * some.eigenvalues[i % wanted];
      expect(frobenius(residual), name).toBeLessThanOrEqual(BOUND * unit * frobenius(whole));
    }
  });

  it.each([1, 2, 65, 200])('gives the same eigenvalues without the vectors, n = %i', async (n) => {
    for (const { name, build } of MATRIX_FAMILIES) {
      const matrix = build(n);
      const { eigenvalues } = await symmetricEigen(matrix, n);
      const alone = await symmetricEigenvalues(matrix, n);
      const size = Math.max(Math.abs(eigenvalues[0]), Math.abs(eigenvalues[n - 1]));
      for (const [j, value] of alone.entries()) {
        expect(Math.abs(value - eigenvalues[j]), name).toBeLessThanOrEqual(2 * (n + 4) * 2 ** -53 * size);
      }
    }
  });

  it('gives the known eigenvalues of the second-difference matrix, 2 − 2·cos(kπ/(n+1))', async () => {
    const n = 50;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      matrix[i * n + i] = 2;
      if (i + 1 < n) matrix[i * n + i + 1] = -1;
    }
    const { eigenvalues } = await symmetricEigen(matrix, n);
    for (let i = 0; i < n; i++) {
      expect(eigenvalues[i]).toBeCloseTo(2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)), 13);
    }
  });

  it('gives the known largest eigenvalues of W21+', async () => {
    const family = MATRIX_FAMILIES.find(({ name }) => name === 'Wilkinson')!;
    const { eigenvalues } = await symmetricEigen(family.build(21), 21);
    // Wilkinson, The Algebraic Eigenvalue Problem, p. 309: a pair that agrees to 14 places.
    expect(eigenvalues[0]).toBeCloseTo(10.746194182903, 11);
    expect(eigenvalues[1]).toBeCloseTo(10.746194182903, 11);
    expect(eigenvalues[20]).toBeCloseTo(-1.125441522119, 11);
  });

  it('reads only the upper triangle and changes nothing', async () => {
    const upper = Float64Array.of(2, 1, Number.NaN, 2);
    const before = upper.slice();
    const { eigenvalues } = await symmetricEigen(upper, 2);
    expect(eigenvalues[0]).toBeCloseTo(3, 14);
    expect(eigenvalues[1]).toBeCloseTo(1, 14);
    expect(upper).toEqual(before);
  });

  it.each([1e-300, 1e300])('takes entries of size %f', async (size) => {
    const { eigenvalues, eigenvectors } = await symmetricEigen([2 * size, size, 0, 2 * size], 2);
    expect(eigenvalues[0] / size).toBeCloseTo(3, 12);
    expect(eigenvalues[1] / size).toBeCloseTo(1, 12);
    expect(eigenvectors[0]).toBeCloseTo(Math.SQRT1_2, 14);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %f and says where it is', async (value) => {
    const matrix = [1, 0, 0, 0, 1, value, 0, 0, 1];
    await expect(symmetricEigen(matrix, 3)).rejects.toMatchObject({
      code: 'non_finite_activations',
      message: expect.stringContaining('row 1, column 2'),
    });
  });

  it('stops when it is cancelled in the middle', async () => {
    const n = 600;
    const uniform = randomNumbers(1);
    const matrix = Float64Array.from({ length: n * n }, () => uniform());
    const controller = new AbortController();
    const work = symmetricEigen(matrix, n, controller.signal);
    setTimeout(() => controller.abort(), 0);
    await expect(work).rejects.toMatchObject({ code: 'cancelled' });
  });
});
