/**
 * @file Symmetric eigendecomposition on the GPU: which solver, and what happens when one fails. Every decomposition is
 * checked by random probes in f64 before it is given out; the next solver takes over where the check or the iteration
 * fails, the f64 solver of the host at last. `solver` tells which one it was, and why not the first.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Eigendecomposition, EighArgs } from '../backend.ts';
import { measureByProbes } from '../linalg/certificate.ts';
import { symmetricEigen } from '../linalg/symmetric_eigen.ts';
import { checkEigh } from '../shapes.ts';
import { asGpuTensor } from './buffers.ts';
import type { GpuContext } from './context.ts';
import { JACOBI_SOLVER, jacobiEigh } from './eigh_jacobi.ts';
import { TRIDIAGONAL_SOLVER, tridiagonalEigh } from './eigh_tridiagonal.ts';

/** In n·ulp (ulp = 2⁻²³), the design's limit for residual and orthogonality; LAPACK accepts 60 and reaches 1.4. */
const LIMIT_ULP = 10;
const ULP = 2 ** -23;

/**
 * From this n on the reduction to tridiagonal form comes first. Below, Jacobi is fast enough, and gives small eigenvalues
 * of graded matrices digits of their own.
 */
export const TRIDIAGONAL_FROM = 65;

const HOST_SOLVER = 'householder-dc-f64';

export interface EighSolver {
  name: string;
  solve: (context: GpuContext, args: EighArgs) => Promise<Eigendecomposition>;
}

const TRIDIAGONAL: EighSolver = { name: TRIDIAGONAL_SOLVER, solve: tridiagonalEigh };
const JACOBI: EighSolver = { name: JACOBI_SOLVER, solve: jacobiEigh };
const HOST: EighSolver = { name: HOST_SOLVER, solve: hostEigh };

/** In the order in which they are tried. */
export function solversFor(n: number): EighSolver[] {
  return n >= TRIDIAGONAL_FROM ? [TRIDIAGONAL, JACOBI, HOST] : [JACOBI, TRIDIAGONAL, HOST];
}

/**
 * @param args `covariance` (n, n); only its upper triangle is read, and it is left as it was.
 * @throws `kernel_shape`, `non_finite_activations` for NaN or infinity in the upper triangle, `not_converged` where every
 * solver fails, `cancelled`, and what the device throws. Nothing stays allocated then.
 */
export async function eigh(
  context: GpuContext,
  args: EighArgs,
  solvers: readonly EighSolver[] = solversFor(checkEigh(args).n),
): Promise<Eigendecomposition> {
  const failures: string[] = [];
  for (const { name, solve } of solvers) {
    const found: Eigendecomposition | undefined = await solve(context, args).catch((error) => {
      if (!(error instanceof WhittleError) || error.code !== 'not_converged') throw error;
      return undefined;
    });
    let failure: string | undefined = 'not converged';
    try {
      if (found) failure = await failureOf(context, args, found);
    } catch (error) {
      found?.eigenvectors.dispose();
      throw error;
    }
    if (found && failure === undefined) {
      return failures.length === 0 ? found : { ...found, solver: `${found.solver} (after ${failures.join(', ')})` };
    }
    found?.eigenvectors.dispose();
    failures.push(`${name}: ${failure}`);
  }
  throw new WhittleError({
    code: 'not_converged',
    message: `No solver decomposed the ${args.covariance.shape.join('×')} matrix: ${failures.join('; ')}.`,
    place: { tensor: args.covariance.label },
    allowed: `a residual and a departure from orthogonality of at most ${LIMIT_ULP} n·ulp`,
    action: 'Use the CPU backend (backend "cpu"), or calibrate with more or other text.',
  });
}

/** What is wrong with a decomposition, in f64 on what will be used; undefined if nothing is. */
async function failureOf(
  context: GpuContext,
  { covariance }: EighArgs,
  { eigenvalues, eigenvectors }: Eigendecomposition,
): Promise<string | undefined> {
  const n = eigenvalues.length;
  const matrix = symmetrised(await readMatrix(context, covariance, n), n);
  const Q = new Float64Array(await readMatrix(context, eigenvectors, n));
  const { orthogonality_error, residual_norm } = measureByProbes(matrix, eigenvalues, Q, n);
  const residual = residual_norm === 0 ? 0 : residual_norm / frobenius(matrix);
  const unit = n * ULP;
  if (!(residual <= LIMIT_ULP * unit)) return `residual ${(residual / unit).toPrecision(3)} n·ulp`;
  if (!(orthogonality_error <= LIMIT_ULP * unit)) {
    return `orthogonality ${(orthogonality_error / unit).toPrecision(3)} n·ulp`;
  }
  return undefined;
}

async function hostEigh(context: GpuContext, { covariance, signal }: EighArgs): Promise<Eigendecomposition> {
  const n = covariance.shape[0];
  const { eigenvalues, eigenvectors } = await symmetricEigen(await readMatrix(context, covariance, n), n, signal);
  const tensor = context.tensor([n, n], 'f32', `eigenvectors of ${covariance.label}`);
  context.upload(tensor, new Uint8Array(Float32Array.from(eigenvectors).buffer));
  return { eigenvalues, eigenvectors: tensor, sweeps: 0, solver: HOST_SOLVER };
}

async function readMatrix(context: GpuContext, tensor: Eigendecomposition['eigenvectors'], n: number) {
  return new Float32Array(await context.readBytes(asGpuTensor(tensor), 4 * n * n));
}

function symmetrised(upper: Float32Array, n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      matrix[i * n + j] = upper[i * n + j];
      matrix[j * n + i] = upper[i * n + j];
    }
  }
  return matrix;
}

/** f64 squares of f32 entries neither overflow nor vanish. */
function frobenius(matrix: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < matrix.length; i++) squares += matrix[i] ** 2;
  return Math.sqrt(squares);
}
