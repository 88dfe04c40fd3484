/** @file Speed and quality of the eigensolvers on one matrix family: on WebGPU by solver, on any backend by its own. */
import type { Backend, Eigendecomposition, EighArgs } from '../backend/backend.ts';
import { MATRIX_FAMILIES, type MatrixFamily } from '../backend/matrix_families.ts';
import { JACOBI_SOLVER, jacobiEigh } from '../backend/webgpu/eigh_jacobi.ts';
import { TRIDIAGONAL_SOLVER, tridiagonalEigh } from '../backend/webgpu/eigh_tridiagonal.ts';
import type { WebGpuBackend } from '../backend/webgpu/webgpu_backend.ts';
import { WhittleError } from '../errors/errors.ts';
import { ratiosByProducts } from './eigen_quality.ts';
import type { EigenMeasurement } from './figures.ts';

type Solve = (args: EighArgs) => Promise<Eigendecomposition>;

/** Large enough that every pipeline of a solver has been used. */
const WARM_UP_SIZE = 96;

/** By one of the device's solvers, without the check and the fallback that the backend puts behind it. */
export function benchWebGpuEigen(backend: WebGpuBackend, n: number, family: string, solver: string) {
  const { context } = backend;
  const solvers: Record<string, Solve> = {
    [TRIDIAGONAL_SOLVER]: (args) => tridiagonalEigh(context, args),
    [JACOBI_SOLVER]: (args) => jacobiEigh(context, args),
  };
  if (!solvers[solver]) throw new RangeError(`There is no solver "${solver}".`);
  return benchEigen(backend, solvers[solver], n, family);
}

/** Timed once, after the pipelines were compiled by a small matrix: a decomposition is long enough. */
export async function benchEigen(backend: Backend, solve: Solve, n: number, family: string): Promise<EigenMeasurement> {
  const { build } = familyOf(family);
  const warm = await decompose(backend, solve, build(WARM_UP_SIZE), WARM_UP_SIZE);
  const matrix = build(n);
  try {
    const { ms, solver, eigenvalues, vectors } = await decompose(backend, solve, matrix, n);
    return { n, solver, family, ms, ...ratiosByProducts(matrix, eigenvalues, vectors) };
  } catch (error) {
    if (!(error instanceof WhittleError) || error.code !== 'not_converged') throw error;
    const [residual_ulp, orthogonality_ulp] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    return { n, solver: warm.solver, family, ms: Number.NaN, residual_ulp, orthogonality_ulp };
  }
}

function familyOf(name: string): MatrixFamily {
  const found = MATRIX_FAMILIES.find((family) => family.name === name);
  if (!found) throw new RangeError(`There is no matrix family "${name}".`);
  return found;
}

async function decompose(backend: Backend, solve: Solve, matrix: Float64Array, n: number) {
  const covariance = backend.fromArray(matrix, [n, n], 'covariance');
  try {
    await backend.sync();
    const started = performance.now();
    const { solver, eigenvalues, eigenvectors } = await solve({ covariance });
    await backend.sync();
    const ms = performance.now() - started;
    const vectors = await backend.read(eigenvectors);
    eigenvectors.dispose();
    return { ms, solver, eigenvalues, vectors };
  } finally {
    covariance.dispose();
  }
}
