/** @file Speed and quality of the symmetric eigensolvers on one matrix family. */
import type { Eigendecomposition, EighArgs } from '../backend/backend.ts';
import { addProduct, transposed, view } from '../backend/linalg/gemm.ts';
import { eigenRatios, MATRIX_FAMILIES } from '../backend/matrix_families.ts';
import type { GpuContext } from '../backend/webgpu/context.ts';
import { JACOBI_SOLVER, jacobiEigh } from '../backend/webgpu/eigh_jacobi.ts';
import { TRIDIAGONAL_SOLVER, tridiagonalEigh } from '../backend/webgpu/eigh_tridiagonal.ts';
import type { WebGpuBackend } from '../backend/webgpu/webgpu_backend.ts';
import type { EigenFigure } from './figures.ts';

const SOLVERS: Record<string, (context: GpuContext, args: EighArgs) => Promise<Eigendecomposition>> = {
  [TRIDIAGONAL_SOLVER]: tridiagonalEigh,
  [JACOBI_SOLVER]: jacobiEigh,
};

export const EIGEN_SOLVERS = Object.keys(SOLVERS);
/** Above, the plain loops of `eigenRatios` take minutes. */
const PLAIN_UP_TO = 640;
const ULP = 2 ** -23;

/** Timed once, after the pipelines were compiled by a small matrix: a decomposition is long enough. */
export async function benchEigen(
  backend: WebGpuBackend,
  n: number,
  family: string,
  solver: string,
): Promise<Omit<EigenFigure, 'worst_family'>> {
  const found = MATRIX_FAMILIES.find(({ name }) => name === family);
  if (!found) throw new RangeError(`There is no matrix family "${family}".`);
  await decompose(backend, found.build(96), 96, solver);
  const matrix = found.build(n);
  const { ms, eigenvalues, eigenvectors } = await decompose(backend, matrix, n, solver);
  const ratios = n <= PLAIN_UP_TO ? eigenRatios : ratiosByProducts;
  return { n, solver, ms, ...ratios(matrix, eigenvalues, eigenvectors) };
}

async function decompose(backend: WebGpuBackend, matrix: Float64Array, n: number, solver: string) {
  const solve = SOLVERS[solver];
  if (!solve) throw new RangeError(`There is no solver "${solver}".`);
  const covariance = backend.fromArray(matrix, [n, n], 'covariance');
  try {
    await backend.sync();
    const started = performance.now();
    const { eigenvalues, eigenvectors }: Eigendecomposition = await solve(backend.context, { covariance });
    await backend.sync();
    const ms = performance.now() - started;
    const vectors = await backend.read(eigenvectors);
    eigenvectors.dispose();
    return { ms, eigenvalues, eigenvectors: vectors };
  } finally {
    covariance.dispose();
  }
}

/** `eigenRatios`, by the packed f64 product. */
function ratiosByProducts(matrix: Float64Array, eigenvalues: Float64Array, eigenvectors: ArrayLike<number>) {
  const n = eigenvalues.length;
  const Z = Float64Array.from(eigenvectors);
  const product = matrix.map((x) => -x);
  const scaled = Z.map((x, at) => x * eigenvalues[at % n]);
  addProduct(n, n, n, view(scaled, n), transposed(view(Z, n)), view(product, n));
  const residual = oneNorm(product, n);
  for (let at = 0; at < product.length; at++) product[at] = at % (n + 1) === 0 ? -1 : 0;
  addProduct(n, n, n, transposed(view(Z, n)), view(Z, n), view(product, n));
  return {
    residual_ulp: residual === 0 ? 0 : residual / (oneNorm(matrix, n) * n * ULP),
    orthogonality_ulp: oneNorm(product, n) / (n * ULP),
  };
}

function oneNorm(matrix: Float64Array, n: number): number {
  const sums = new Float64Array(n);
  for (let at = 0; at < matrix.length; at++) sums[at % n] += Math.abs(matrix[at]);
  return Math.max(...sums);
}
