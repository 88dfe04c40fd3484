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
  ...(['eigh', 'eigenvalues', 'cholesky', 'solve', 'triangular_inverse', 'inverse_factor', 'low_rank'] as const),
];
export type LinalgOperation = (typeof LINALG_OPERATIONS)[number];

/** Milliseconds of each operation. */
export type LinalgTimes = Record<LinalgOperation, number>;

export interface LinalgRequest {
  /** Rows of the matrices. */
  n: number;
  /** The least of so many runs counts. */
  repeats: number;
}

/** Small, and large enough for every loop: the engine compiles them well only once they have run. */
const WARM_UP = { n: 320, repeats: 3 };

/** @param backend One with products in f64. */
export async function linalgTimes(backend: Backend, request: LinalgRequest): Promise<LinalgTimes> {
  const { addProduct } = backend;
  if (!addProduct) throw new RangeError('The backend has no products in f64.');
  await timesOf(WARM_UP, addProduct);
  return timesOf(request, addProduct);
}

async function timesOf({ n, repeats }: LinalgRequest, multiply: AddProduct): Promise<LinalgTimes> {
  const { gram, square } = inputsOf(n, multiply);
  const options: LinalgOptions = { multiply };
  const { U } = await choleskyFactor(gram, n, options);
  const work: Record<LinalgOperation, () => Promise<unknown>> = {
    eigh: () => symmetricEigen(gram, n, undefined, multiply),
    eigenvalues: () => symmetricEigenvalues(gram, n, undefined, multiply),
    cholesky: () => choleskyFactor(gram, n, options),
    solve: () => choleskySolve(gram, square, n, n, options),
    triangular_inverse: () => invertUpper(U, n, options),
    inverse_factor: () => inverseFactor(gram.slice(), n, options),
    low_rank: () => lowRank(square, n, n, n >> 1, undefined, options),
  };
  const times = {} as LinalgTimes;
  for (const name of LINALG_OPERATIONS) {
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

interface Inputs {
  /** XᵀX / 2n of 2n normal samples. */
  gram: Float64Array;
  square: Float64Array;
}

function inputsOf(n: number, multiply: AddProduct): Inputs {
  const normal = normalNumbers(1);
  const samples = Float64Array.from({ length: 2 * n * n }, () => normal());
  const scaled = samples.map((value) => value / (2 * n));
  const gram = new Float64Array(n * n);
  multiply(n, n, 2 * n, transposed(view(samples, n)), view(scaled, n), view(gram, n));
  return { gram, square: samples.slice(0, n * n) };
}
