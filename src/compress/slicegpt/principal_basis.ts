/**
 * @file PCA of one site of the residual stream: covariance → eigenvectors, with the certificate of Q (invariant 5).
 */

import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import { asFloat64, certifyWhole, EXACT_UP_TO } from '../../backend/linalg/certificate.ts';
import { keptEnergyBound, keptEnergyLoss } from '../../backend/linalg/kept_energy.ts';
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
  /** (n, n) eigenvectors in columns, by descending eigenvalue; owned by the arena. */
  Q: Tensor;
  report: SiteReport;
}

/** Rows up to which what f32 eigenvectors keep is always compared with f64's, and up to which every eighth site is. */
const REFERENCE_UP_TO = 256;
const SAMPLED_UP_TO = 1024;
const SAMPLE = 8;

/**
 * @param dimension Directions that will be kept, for the report.
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
  const { H, size, dominant, lost } = covariance;
  const decomposition = await decompose(arena, H, size, dominant, signal);
  const { Q, values, eigenvalues, solver, sweeps, deflated } = decomposition;
  // Once for all that measures it: of a large model each copy is more than a hundred megabytes.
  const exact = asFloat64(values);
  const figures = {
    ...certifyWhole(H, eigenvalues, values, size, EXACT_UP_TO, exact),
    kept_energy: await keptEnergy(arena, covariance, decomposition, exact, site, dimension, signal),
  };
  const rank = numericalRank(H, eigenvalues, dominant, lost, solvesInSingle(arena.backend));
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

/** Measured where that is cheap beside the decomposition, or sampled; estimated from above elsewhere. */
async function keptEnergy(
  { backend }: Arena,
  { H, size: n }: SiteCovariance,
  { values, eigenvalues, leading }: Decomposition,
  /** `values` in f64. */
  Q: Float64Array,
  site: Site,
  kept: number,
  signal: AbortSignal,
): Promise<KeptEnergy> {
  const dimension = kept < n ? kept : Math.max(1, Math.floor(0.75 * n));
  const isF32 = values !== Q;
  // A solver in f64 loses no more than rounding its vectors costs, which the bound tells well.
  const isSampled = n <= SAMPLED_UP_TO && site.index % SAMPLE === 0 && solvesInSingle(backend);
  if (isF32 && (n <= REFERENCE_UP_TO || isSampled)) {
    // The eigenvalues of a solver in f64 are those to compare with.
    const known = solvesInSingle(backend) ? undefined : eigenvalues;
    const loss = await keptEnergyLoss(H, Q, n, dimension, signal, known);
    return { loss: Math.max(0, loss), kind: 'measured', dimension };
  }
  return { loss: keptEnergyBound(H, eigenvalues, Q, n, dimension, leading), kind: 'bound', dimension };
}
