/** @file LAPACK's ratios of a decomposition by the packed f64 product, and the worst over the matrix families. Pure. */
import { addProduct, transposed, view } from '../backend/linalg/gemm.ts';
import type { EigenRatios } from '../backend/matrix_families.ts';
import type { EigenFigure, EigenMeasurement } from './figures.ts';

const ULP = 2 ** -23;

/** In n·ulp, the design's limit for residual and orthogonality. */
export const LIMIT_ULP = 10;

/**
 * What `eigenRatios` of matrix_families.ts measures: every entry of A − ZΛZᵀ and of I − ZᵀZ in f64, no probes. Both are
 * symmetric, so half of each product is enough: a second at n = 2,048 where the plain loops take a minute.
 */
export function ratiosByProducts(
  matrix: Float64Array,
  eigenvalues: ArrayLike<number>,
  eigenvectors: ArrayLike<number>,
): EigenRatios {
  const n = eigenvalues.length;
  const Z = view(Float64Array.from(eigenvectors), n);
  const scaled = view(
    Z.values.map((x, at) => x * eigenvalues[at % n]),
    n,
  );
  const residual = matrix.map((x) => -x);
  addProduct(n, n, n, scaled, transposed(Z), view(residual, n), true);
  const defect = new Float64Array(n * n);
  for (let i = 0; i < n; i++) defect[i * n + i] = -1;
  addProduct(n, n, n, transposed(Z), Z, view(defect, n), true);
  const error = oneNormOfUpper(residual, n);
  return {
    residual_ulp: error === 0 ? 0 : error / (oneNormOfUpper(matrix, n) * n * ULP),
    orthogonality_ulp: oneNormOfUpper(defect, n) / (n * ULP),
  };
}

/** Of a symmetric matrix whose upper triangle is given. */
function oneNormOfUpper(matrix: Float64Array, n: number): number {
  const sums = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    sums[i] += Math.abs(matrix[i * n + i]);
    for (let j = i + 1; j < n; j++) {
      const size = Math.abs(matrix[i * n + j]);
      sums[i] += size;
      sums[j] += size;
    }
  }
  return Math.max(...sums);
}

/** Larger is worse, and not a number is worst. */
const isWorse = (a: number, b: number) => Number.isNaN(a) || a > b;
const worse = (a: number, b: number) => (isWorse(a, b) ? a : b);

/** One row of the table from measurements of one solver at one size, at least one of which is of the timed family. */
export function worstOfFamilies(measurements: readonly EigenMeasurement[], ms: number): EigenFigure {
  const [{ n, solver }] = measurements;
  const worst = measurements.reduce((most, one) => (isWorse(one.residual_ulp, most.residual_ulp) ? one : most));
  const isWithin = ({ residual_ulp, orthogonality_ulp }: EigenMeasurement) =>
    residual_ulp <= LIMIT_ULP && orthogonality_ulp <= LIMIT_ULP;
  return {
    n,
    solver,
    ms,
    residual_ulp: worst.residual_ulp,
    orthogonality_ulp: measurements.reduce((most, { orthogonality_ulp }) => worse(orthogonality_ulp, most), 0),
    worst_family: worst.family,
    families: measurements.length,
    over_limit: measurements.filter((one) => !isWithin(one)).map(({ family }) => family),
  };
}

/** Each row with its ratio to blocked Jacobi at the same size, where that was measured. */
export function withJacobiRatio(figures: readonly EigenFigure[], jacobi: string): EigenFigure[] {
  return figures.map((figure) => {
    const first = figures.find(({ n, solver }) => n === figure.n && solver === jacobi);
    return first && first !== figure ? { ...figure, jacobi_ratio: first.ms / figure.ms } : { ...figure };
  });
}
