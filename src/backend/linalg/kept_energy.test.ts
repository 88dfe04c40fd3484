import { describe, expect, it } from 'vitest';
import { MATRIX_FAMILIES } from '../matrix_families.ts';
import { keptEnergyBound, keptEnergyLoss } from './kept_energy.ts';
import { symmetricEigen } from './symmetric_eigen.ts';

const POSITIVE = MATRIX_FAMILIES.filter(({ positive, name }) => positive && name !== 'zero');

/** Columns j and j + 1 turned by an angle. */
function turned(Q: Float64Array, n: number, i: number, j: number, angle: number): Float64Array {
  const turnedQ = Q.slice();
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  for (let row = 0; row < n; row++) {
    turnedQ[row * n + i] = c * Q[row * n + i] + s * Q[row * n + j];
    turnedQ[row * n + j] = c * Q[row * n + j] - s * Q[row * n + i];
  }
  return turnedQ;
}

describe('keptEnergyLoss', () => {
  it('is what turning a kept direction towards a dropped one costs', async () => {
    const H = Float64Array.from([8, 0, 0, 0, 4, 0, 0, 0, 1]);
    const Q = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(await keptEnergyLoss(H, Q, 3, 2)).toBe(0);
    const angle = 0.1;
    const expected = (Math.sin(angle) ** 2 * (4 - 1)) / (4 + 1);
    expect(await keptEnergyLoss(H, turned(Q, 3, 1, 2, angle), 3, 2)).toBeCloseTo(expected, 14);
    // Columns need not be orthonormal: only their span counts.
    const stretched = turned(Q, 3, 1, 2, angle).map((value, i) => (i % 3 === 0 ? 3 * value : value));
    expect(await keptEnergyLoss(H, stretched, 3, 2)).toBeCloseTo(expected, 14);
  });

  it('is nothing where directions of one eigenvalue are mixed', async () => {
    const H = Float64Array.from([5, 0, 0, 0, 2, 0, 0, 0, 2]);
    const Q = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(Math.abs(await keptEnergyLoss(H, turned(Q, 3, 1, 2, 1), 3, 2))).toBeLessThan(1e-15);
  });
});

describe.each(POSITIVE)('of $name', ({ build }) => {
  const n = 48;
  const d = 36;

  it('the bound is above the measured loss and near zero for an f64 decomposition, and above that of a turned one', async () => {
    const H = build(n);
    const { eigenvalues, eigenvectors } = await symmetricEigen(H, n);
    expect(Math.abs(await keptEnergyLoss(H, eigenvectors, n, d))).toBeLessThan(1e-9);
    expect(keptEnergyBound(H, eigenvalues, eigenvectors, n, d, 0)).toBeLessThan(1e-8);
    for (const angle of [1e-3, 1e-1]) {
      const Q = turned(eigenvectors, n, d - 2, d + 3, angle);
      const loss = await keptEnergyLoss(H, Q, n, d);
      const bound = keptEnergyBound(H, eigenvalues, Q, n, d, 0);
      expect(bound).toBeGreaterThanOrEqual(loss - 1e-9);
      // Dropped columns need not be there.
      const kept = Float64Array.from({ length: n * d }, (_, i) => Q[Math.floor(i / d) * n + (i % d)]);
      expect(await keptEnergyLoss(H, kept, n, d)).toBe(loss);
      expect(keptEnergyBound(H, eigenvalues, kept, n, d, 0)).toBe(bound);
    }
  });
});
