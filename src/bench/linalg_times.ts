/** @file How long dense linear algebra in f64 takes on the CPU backend's threads, wherever they run. */
import type { Backend } from '../backend/backend.ts';
import { choleskyFactor, choleskySolve, type LinalgOptions } from '../backend/linalg/cholesky.ts';
import { type AddProduct, transposed, view } from '../backend/linalg/gemm.ts';
import { inverseFactor } from '../backend/linalg/inverse_factor.ts';
import { symmetricEigen, symmetricEigenvalues } from '../backend/linalg/symmetric_eigen.ts';
import { invertUpper } from '../backend/linalg/triangular.ts';
import { normalNumbers } from '../backend/matrix_builders.ts';
import { lowRank } from '../compress/solvers/low_rank.ts';

export const LINALG_OPERATIONS = [
  ...([
    'eigh',
    'sites',
    'eigenvalues',
    'cholesky',
    'solve',
    'triangular_inverse',
    'inverse_factor',
    'low_rank',
  ] as const),
];
export type LinalgOperation = (typeof LINALG_OPERATIONS)[number];

/** Milliseconds of each operation; of `sites` where some were asked for. */
export type LinalgTimes = Record<Exclude<LinalgOperation, 'sites'>, number> & { sites?: number };

export interface LinalgRequest {
  /** Rows of the matrices. */
  n: number;
  /** The least of so many runs counts. */
  repeats: number;
  /** Matrices of `sites`: the PCAs of one job that do not wait for one another, with {@link KEPT} of the vectors. */
  sites: number;
}

/** Small, and large enough for every loop: the engine compiles them well only once they have run. */
const WARM_UP = { n: 320, repeats: 3, sites: 2 };

/** Share of the eigenvectors that a site keeps at a sparsity of 25 %. */
const KEPT = 0.75;

/** @param backend One with products in f64. */
export async function linalgTimes(backend: Backend, request: LinalgRequest): Promise<LinalgTimes> {
  if (!backend.addProduct) throw new RangeError('The backend has no products in f64.');
  await timesOf(WARM_UP, backend, backend.addProduct);
  return timesOf(request, backend, backend.addProduct);
}

async function timesOf(
  { n, repeats, sites }: LinalgRequest,
  backend: Backend,
  multiply: AddProduct,
): Promise<LinalgTimes> {
  const { gram, square } = inputsOf(n, multiply);
  const covariances = Array.from({ length: sites }, (_, i) => inputsOf(n, multiply, 2 + i).gram);
  const options: LinalgOptions = { multiply };
  const { U } = await choleskyFactor(gram, n, options);
  const work: Record<LinalgOperation, () => Promise<unknown>> = {
    eigh: () => symmetricEigen(gram, n, undefined, multiply),
    sites: () => sitesOf(backend, covariances, n),
    eigenvalues: () => symmetricEigenvalues(gram, n, undefined, multiply),
    cholesky: () => choleskyFactor(gram, n, options),
    solve: () => choleskySolve(gram, square, n, n, options),
    triangular_inverse: () => invertUpper(U, n, options),
    inverse_factor: () => inverseFactor(gram.slice(), n, options),
    low_rank: () => lowRank(square, n, n, n >> 1, undefined, options),
  };
  const times = {} as LinalgTimes;
  for (const name of LINALG_OPERATIONS) {
    if (name === 'sites' && sites === 0) continue;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < repeats; i++) {
      const begun = performance.now();
      await work[name]();
      least = Math.min(least, performance.now() - begun);
    }
    times[name] = least;
  }
  return times;
}

/** As `rotate-once` has them solved. */
async function sitesOf(backend: Backend, matrices: readonly Float64Array[], n: number): Promise<void> {
  await backend.eigh64Together?.({ matrices, n, wanted: Math.floor(KEPT * n) }, async ({ eigenvectors }) =>
    eigenvectors.dispose(),
  );
}

interface Inputs {
  /** XᵀX / 2n of 2n normal samples. */
  gram: Float64Array;
  square: Float64Array;
}

function inputsOf(n: number, multiply: AddProduct, seed = 1): Inputs {
  const normal = normalNumbers(seed);
  const samples = Float64Array.from({ length: 2 * n * n }, () => normal());
  const scaled = samples.map((value) => value / (2 * n));
  const gram = new Float64Array(n * n);
  multiply(n, n, 2 * n, transposed(view(samples, n)), view(scaled, n), view(gram, n));
  return { gram, square: samples.slice(0, n * n) };
}
