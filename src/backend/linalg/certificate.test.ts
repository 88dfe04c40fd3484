import { describe, expect, it } from 'vitest';
import { randomNumbers } from '../matrix_families.ts';
import { certify, EXACT_UP_TO, frobenius, measureByProbes } from './certificate.ts';
import { symmetricEigen } from './symmetric_eigen.ts';

function randomSymmetric(n: number): Float64Array {
  const uniform = randomNumbers(n);
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      matrix[i * n + j] = uniform() - 0.5;
      matrix[j * n + i] = matrix[i * n + j];
    }
  }
  return matrix;
}

describe('certify', () => {
  it('reports a known orthogonality error and residual exactly', () => {
    // H = diag(4, 1), Q = I with one entry off by e: QᵀQ − I = [[0, e], [e, e²]], HQ − QΛ = [[0, 3e], [0, 0]].
    const e = 2 ** -10;
    const { orthogonality_error, residual, measured } = certify([4, 0, 0, 1], [4, 1], [1, e, 0, 1], 2);
    expect(orthogonality_error).toBe(e);
    expect(residual).toBeCloseTo((3 * e) / Math.sqrt(17), 15);
    expect(measured).toBe('exact');
  });

  it('reads only the upper triangle of the covariance', () => {
    expect(certify([4, 0, Number.NaN, 1], [4, 1], [1, 0, 0, 1], 2)).toMatchObject({
      orthogonality_error: 0,
      residual: 0,
      measured: 'exact',
    });
  });

  it('calls the zero matrix with zero eigenvalues exact, and with others infinitely wrong', () => {
    expect(certify([0, 0, 0, 0], [0, 0], [1, 0, 0, 1], 2).residual).toBe(0);
    expect(certify([0, 0, 0, 0], [1, 0], [1, 0, 0, 1], 2).residual).toBe(Number.POSITIVE_INFINITY);
  });

  it('never lets NaN pass as a small error', () => {
    const { orthogonality_error, residual } = certify([1, 0, 0, 1], [1, 1], [1, Number.NaN, 0, 1], 2);
    expect(orthogonality_error).toBeNaN();
    expect(residual).toBeNaN();
  });

  it('takes f32 eigenvectors and reports their rounding', async () => {
    const n = 64;
    const matrix = randomSymmetric(n);
    const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n);
    const { orthogonality_error, residual } = certify(matrix, eigenvalues, new Float32Array(eigenvectors), n);
    for (const figure of [orthogonality_error, residual]) {
      expect(figure).toBeGreaterThan(1e-9);
      expect(figure).toBeLessThan(2e-7);
    }
  });

  it('estimates by probes within a factor of the exact figures', async () => {
    const n = 200;
    const matrix = randomSymmetric(n);
    const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n);
    const rounded = Float64Array.from(new Float32Array(eigenvectors));
    const exact = certify(matrix, eigenvalues, rounded, n, n);
    const norm = Math.sqrt(matrix.reduce((sum, value) => sum + value * value, 0));
    const probes = measureByProbes(matrix, eigenvalues, rounded, n);
    expect(probes.residual_norm / norm / exact.residual).toBeGreaterThan(0.7);
    expect(probes.residual_norm / norm / exact.residual).toBeLessThan(1.4);
    expect(probes.orthogonality_error).toBeGreaterThan(exact.orthogonality_error);
    expect(probes.orthogonality_error).toBeLessThan(exact.orthogonality_error * Math.sqrt(n) * 2);
  });

  it.each([40, 200])('is of the columns that are there: the first 30 of n = %i', async (n) => {
    const matrix = randomSymmetric(n);
    const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n, undefined, undefined, 30);
    const good = certify(matrix, eigenvalues, eigenvectors, n);
    expect(good.orthogonality_ulp).toBeLessThan(1);
    expect(good.residual_ulp).toBeLessThan(1);
    // One column turned towards what is not there: still of length 1, but no eigenvector.
    const wrong = eigenvectors.slice();
    for (let i = 0; i < n; i++) wrong[30 * i + 7] = i === 3 ? 1 : 0;
    const { orthogonality_error, residual } = certify(matrix, eigenvalues, wrong, n);
    expect(orthogonality_error).toBeGreaterThan(0.01);
    expect(residual).toBeGreaterThan(0.01);
  });

  it('finds one wrong column where it only probes', () => {
    const n = EXACT_UP_TO + 1;
    const identity = new Float64Array(n * n);
    for (let i = 0; i < n; i++) identity[i * n + i] = 1;
    const ones = new Float64Array(n).fill(1);
    expect(certify(identity, ones, identity, n)).toMatchObject({
      orthogonality_error: 0,
      residual: 0,
      measured: 'probes',
    });
    const wrong = identity.slice();
    wrong[3 * n + 700] = 1e-3;
    const ones_but_one = ones.slice();
    ones_but_one[5] = 1.5;
    const { orthogonality_error, residual, measured } = certify(identity, ones_but_one, wrong, n);
    expect(measured).toBe('probes');
    expect(orthogonality_error).toBeGreaterThanOrEqual(1e-3 * 0.99);
    expect(orthogonality_error).toBeLessThan(2.1e-3);
    expect(residual).toBeCloseTo(0.5 / Math.sqrt(n), 3);
  });

  it('tells its figures in units of n·ulp of the type that Q is stored in', () => {
    const e = 2 ** -10;
    const f64 = certify([4, 0, 0, 1], [4, 1], [1, e, 0, 1], 2);
    expect(f64.ulp).toBe(2 ** -23); // a plain array is taken for f32 values
    expect(f64.orthogonality_ulp).toBe(e / (2 * 2 ** -23));
    const double = certify([4, 0, 0, 1], [4, 1], Float64Array.of(1, e, 0, 1), 2);
    expect(double.ulp).toBe(2 ** -52);
    expect(double.residual_ulp).toBeCloseTo(double.residual / (2 * 2 ** -52), 0);
  });

  // The promise of the file's head: an entry of more than four times the figure is seen with probability 1 − 2⁻¹⁶.
  it('never misses a single wrong entry by more than a factor of four, wherever it is', () => {
    const n = EXACT_UP_TO + 1;
    const ones = new Float64Array(n).fill(1);
    const H = new Float64Array(n * n);
    for (let i = 0; i < n; i++) H[i * n + i] = 1;
    const uniform = randomNumbers(5);
    for (let trial = 0; trial < 60; trial++) {
      const Q = H.slice();
      const small = 1e-5 * uniform();
      for (let i = 0; i < Q.length; i++) Q[i] += small * (uniform() - 0.5);
      const i = Math.floor(uniform() * n);
      const j = (i + 1 + Math.floor(uniform() * (n - 1))) % n;
      Q[i * n + j] += 1e-3;
      const { orthogonality_error } = certify(H, ones, Q, n);
      const exact = certify(H, ones, Q, n, n);
      expect(exact.orthogonality_error).toBeGreaterThan(0.99e-3);
      expect(4 * orthogonality_error).toBeGreaterThan(exact.orthogonality_error);
    }
  });
});

describe('frobenius', () => {
  it.each([1e-200, 1e-140, 1, 1e140, 1e200])('neither overflows nor underflows for entries of %f', (size) => {
    const norm = frobenius(Float64Array.of(3 * size, 0, -4 * size, 0, 12 * size));
    expect(norm / size).toBeCloseTo(13, 12);
  });

  it('is what is no number, or zero', () => {
    expect(frobenius(Float64Array.of(1, Number.NaN))).toBeNaN();
    expect(frobenius(Float64Array.of(1, Number.NEGATIVE_INFINITY))).toBe(Number.POSITIVE_INFINITY);
    expect(frobenius(new Float64Array(5))).toBe(0);
  });
});
