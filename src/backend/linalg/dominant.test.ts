import { describe, expect, it } from 'vitest';
import { MATRIX_FAMILIES } from '../matrix_families.ts';
import { frobenius } from './certificate.ts';
import { dominantDirections, withoutDirections } from './dominant.ts';
import { symmetricEigen } from './symmetric_eigen.ts';

const n = 64;

function family(name: string): Float64Array {
  return MATRIX_FAMILIES.find((one) => one.name === name)!.build(n);
}

function times(H: Float64Array, U: Float64Array, count: number, j: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += H[i * n + k] * U[k * count + j];
    return sum;
  });
}

describe('dominantDirections', () => {
  it.each(['identity times 3', 'evenly spread', 'repeated', 'near identity', 'zero', 'rank n-1', 'graded 1 to 1e-12'])(
    'finds none in %s',
    async (name) => {
      expect((await dominantDirections(family(name), n)).count).toBe(0);
    },
  );

  it.each(['giant spike', 'covariance with outlier', 'rank 1'])(
    'finds eigenvectors of %s to f64, orthonormal, with their eigenvalues',
    async (name) => {
      const H = family(name);
      const { values, vectors, count } = await dominantDirections(H, n);
      const { eigenvalues } = await symmetricEigen(H, n);
      expect(count).toBeGreaterThan(0);
      for (let j = 0; j < count; j++) {
        expect(values[j] / eigenvalues[j]).toBeCloseTo(1, 12);
        for (let k = 0; k < count; k++) {
          let dot = 0;
          for (let i = 0; i < n; i++) dot += vectors[i * count + j] * vectors[i * count + k];
          expect(dot).toBeCloseTo(j === k ? 1 : 0, 12);
        }
      }
    },
  );

  it('does not fail on what no covariance is: NaN, negative trace, a matrix too small to have a head', async () => {
    const broken = family('covariance');
    broken[0] = Number.NaN;
    expect((await dominantDirections(broken, n)).count).toBe(0);
    expect((await dominantDirections(Float64Array.of(-1, 0, 0, 0, -1, 0, 0, 0, -1), 3)).count).toBe(0);
    expect((await dominantDirections(Float64Array.of(1e9, 0, 0, 1), 2)).count).toBe(0);
  });
});

describe('withoutDirections', () => {
  it('leaves the other eigenvalues, and nothing along the directions', async () => {
    const H = family('covariance with outlier');
    const dominant = await dominantDirections(H, n);
    const rest = withoutDirections(H, n, dominant);
    const { count, vectors } = dominant;
    const left = (await symmetricEigen(rest, n)).eigenvalues;
    const all = (await symmetricEigen(H, n)).eigenvalues;
    for (let i = 0; i < n - count; i++) expect(Math.abs(left[i] - all[i + count])).toBeLessThan(1e-14 * all[0]);
    for (let j = 0; j < count; j++) {
      expect(frobenius(times(rest, vectors, count, j))).toBeLessThan(1e-14 * frobenius(H));
    }
  });
});
