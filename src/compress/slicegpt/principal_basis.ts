/**
 * @file PCA of one site of the residual stream: covariance → eigenvectors, with the certificate of Q (invariant 5).
 */

import type { Backend, Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import { asFloat64, certifyWhole, ulpOf } from '../../backend/linalg/certificate.ts';
import { figuresTogether, measuresTogether } from '../../backend/linalg/figures_task.ts';
import { type AddProduct, addProduct } from '../../backend/linalg/gemm.ts';
import { keptEnergyBound, keptEnergyLoss } from '../../backend/linalg/kept_energy.ts';
import { room } from '../../backend/linalg/shared_work.ts';
import type { Arena } from '../../runtime/arena.ts';
import { solvesInSingle } from '../../statistics/gram.ts';
import type { KeptEnergy, SiteReport } from '../method.ts';
import { type Decomposition, decompose } from './deflation.ts';
import { discardedEnergy } from './energy.ts';
import { numericalRank } from './rank.ts';
import type { SiteCovariance } from './site_covariance.ts';
import type { Site } from './sites.ts';
import { verdictOf } from './verdict.ts';

export interface PrincipalBasis {
  /** (n, `dimension` or more) eigenvectors in columns, by descending eigenvalue; owned by the arena. */
  Q: Tensor;
  report: SiteReport;
}

/** Rows up to which what f32 eigenvectors keep is always compared with f64's, and up to which every eighth site is. */
const REFERENCE_UP_TO = 256;
const SAMPLED_UP_TO = 1024;
const SAMPLE = 8;

/**
 * @param dimension Directions that will be kept: others may not be made.
 * @throws `non_finite_activations`, `not_converged`, `cancelled`.
 */
export async function principalBasis(
  arena: Arena,
  covariance: SiteCovariance,
  site: Site,
  dimension: number,
  signal: AbortSignal,
): Promise<PrincipalBasis> {
  throwIfCancelled(signal);
  const { H, size, dominant } = covariance;
  const decomposition = await decompose(arena, H, size, dominant, dimension, signal);
  return basisOf(arena, covariance, site, decomposition, dimension, signal);
}

/** The basis of a site whose covariance is decomposed, and freed here. */
export async function basisOf(
  arena: Arena,
  covariance: SiteCovariance,
  site: Site,
  decomposition: Decomposition,
  dimension: number,
  signal: AbortSignal,
): Promise<PrincipalBasis> {
  const { H, dominant, lost } = covariance;
  const { Q, eigenvalues, solver, sweeps, deflated } = decomposition;
  const figures = await figuresOf(arena, covariance, decomposition, site, dimension, signal);
  const rank = numericalRank(H, eigenvalues, dominant, lost, solvesInSingle(arena.backend));
  arena.free(covariance.held);
  const report: SiteReport = {
    site: site.index,
    label: site.label,
    eigenvalues,
    dimension,
    discarded_energy: discardedEnergy(eigenvalues, dimension),
    certificate: { ...figures, rank, deflated, verdict: verdictOf(figures, lost), solver, sweeps },
  };
  return { Q, report };
}

/** What was measured of a decomposition, its products on all threads. */
async function figuresOf(
  { backend }: Arena,
  { H, size: n }: SiteCovariance,
  decomposition: Decomposition,
  site: Site,
  dimension: number,
  signal: AbortSignal,
) {
  const { values, eigenvalues } = decomposition;
  const multiply: AddProduct = backend.addProduct ?? addProduct;
  const held = room(multiply);
  try {
    const shared = (numbers: Float32Array | Float64Array) => {
      const kernel = multiply.kernelFor?.(numbers);
      if (kernel && numbers instanceof Float64Array) return numbers;
      const array = held.take(numbers.length);
      const isReached = kernel && multiply.kernelFor?.(array) && numbers.length % 2 === 0;
      if (isReached) kernel.widen(numbers.byteOffset, array.byteOffset, array.byteLength);
      else array.set(numbers);
      return array;
    };
    // Once for all that measures it, where the solver's arrays were: of a large model each copy is more than a hundred megabytes.
    const [covariance, Q] = multiply.allocate ? [shared(H), shared(values)] : [H, asFloat64(values)];
    // Beyond this size the energy is bounded, not compared, where a solver computes in f64.
    if (n > REFERENCE_UP_TO && measuresTogether(n, multiply)) {
      const kept = comparedDimension(n, dimension);
      const { leading } = decomposition;
      const given = { covariance, eigenvalues: shared(eigenvalues), eigenvectors: Q, n, dimension: kept, leading };
      const { certificate, loss } = figuresTogether(given, ulpOf(values), held, multiply);
      return { ...certificate, kept_energy: { loss, kind: 'bound', dimension: kept } as const };
    }
    return {
      ...certifyWhole(covariance, eigenvalues, Q, n, { multiply, ulp: ulpOf(values) }),
      kept_energy: await keptEnergy(backend, covariance, Q, decomposition, site, dimension, multiply, signal),
    };
  } finally {
    held.release();
  }
}

/** Columns whose energy is told: where all are kept, those that would be at a sparsity of 25 %. */
function comparedDimension(n: number, kept: number): number {
  return kept < n ? kept : Math.max(1, Math.floor(0.75 * n));
}

/**
 * Measured where that is cheap beside the decomposition, or sampled; estimated from above elsewhere.
 * @param Q What the decomposition's `values` are in f64.
 */
async function keptEnergy(
  backend: Backend,
  H: Float64Array,
  Q: Float64Array,
  { values, eigenvalues, leading }: Decomposition,
  site: Site,
  kept: number,
  multiply: AddProduct,
  signal: AbortSignal,
): Promise<KeptEnergy> {
  const n = eigenvalues.length;
  const dimension = comparedDimension(n, kept);
  const isF32 = values instanceof Float32Array;
  // A solver in f64 loses no more than rounding its vectors costs, which the bound tells well.
  const isSampled = n <= SAMPLED_UP_TO && site.index % SAMPLE === 0 && solvesInSingle(backend);
  if (isF32 && (n <= REFERENCE_UP_TO || isSampled)) {
    // The eigenvalues of a solver in f64 are those to compare with.
    const known = solvesInSingle(backend) ? undefined : eigenvalues;
    const loss = await keptEnergyLoss(H, Q, n, dimension, signal, known);
    return { loss: Math.max(0, loss), kind: 'measured', dimension };
  }
  return { loss: keptEnergyBound(H, eigenvalues, Q, n, dimension, leading, multiply), kind: 'bound', dimension };
}
