import { describe, expect, it } from 'vitest';
import { symmetricEigen } from '../backend/linalg/symmetric_eigen.ts';
import { eigenRatios, MATRIX_FAMILIES } from '../backend/matrix_families.ts';
import { ratiosByProducts, withJacobiRatio, worstOfFamilies } from './eigen_quality.ts';
import type { EigenFigure, EigenMeasurement } from './figures.ts';

describe('the ratios of a decomposition by products', () => {
  it.each(MATRIX_FAMILIES)('are those of the plain loops: $name', async ({ build }) => {
    const n = 70;
    const matrix = build(n);
    const { eigenvalues, eigenvectors } = await symmetricEigen(matrix, n);
    // As f32, with one column turned a little: errors that are seen.
    const columns = Float32Array.from(eigenvectors, (value, at) => (at % n === 3 ? 1.0001 * value : value));
    const plain = eigenRatios(matrix, eigenvalues, columns);
    const packed = ratiosByProducts(matrix, eigenvalues, columns);
    expect(packed.orthogonality_ulp).toBeCloseTo(plain.orthogonality_ulp, 6);
    expect(packed.residual_ulp).toBeCloseTo(plain.residual_ulp, 6);
    expect(plain.orthogonality_ulp).toBeGreaterThan(10);
  });
});

const measured = (family: string, residual_ulp: number, orthogonality_ulp: number): EigenMeasurement => ({
  ...{ n: 64, solver: 'a', family, ms: 1 },
  ...{ residual_ulp, orthogonality_ulp },
});

describe('the worst over the families', () => {
  it('has the worst of both ratios, which need not be one family, and names that of the residual', () => {
    const worst = worstOfFamilies([measured('x', 1, 0.5), measured('y', 3, 0.1), measured('z', 2, 0.7)], 12);
    expect(worst).toEqual({
      ...{ n: 64, solver: 'a', ms: 12, residual_ulp: 3, orthogonality_ulp: 0.7 },
      ...{ worst_family: 'y', families: 3, over_limit: [] },
    });
  });

  it('names what is beyond the limit, and takes not a number for the worst', () => {
    const nan = measured('broken', Number.NaN, Number.NaN);
    const figures = [
      measured('x', 10, 10),
      nan,
      measured('y', 11, 0),
      measured('gave up', Number.POSITIVE_INFINITY, 0),
    ];
    const worst = worstOfFamilies(figures, 1);
    expect(worst.residual_ulp).toBeNaN();
    expect(worst.orthogonality_ulp).toBeNaN();
    expect(worst.over_limit).toEqual(['broken', 'y', 'gave up']);
  });
});

describe('the ratio to Jacobi', () => {
  const row = (n: number, solver: string, ms: number) => ({ n, solver, ms }) as EigenFigure;

  it('stands at every other solver of the sizes that Jacobi was measured at', () => {
    const rows = [row(64, 'new', 2), row(128, 'new', 3), row(64, 'jacobi', 10), row(64, 'host', 4)];
    expect(withJacobiRatio(rows, 'jacobi').map(({ jacobi_ratio }) => jacobi_ratio)).toEqual([
      ...[5, undefined, undefined, 2.5],
    ]);
  });
});
