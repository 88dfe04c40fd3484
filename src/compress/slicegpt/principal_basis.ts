/**
 * @file PCA of one site of the residual stream: covariance → eigenvectors, with the certificate of Q (invariant 5).
 */

import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import { certify } from '../../backend/linalg/certificate.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { Arena } from '../../runtime/arena.ts';
import type { SiteReport } from '../method.ts';
import { discardedEnergy } from './energy.ts';
import type { Site } from './sites.ts';

export interface PrincipalBasis {
  /** (n, n) eigenvectors in columns, by descending eigenvalue; owned by the arena. */
  Q: Tensor;
  report: SiteReport;
}

/**
 * @param covariance (n, n) Σ xᵀx of the site, upper triangle; it is freed.
 * @param dimension Directions that will be kept, for the report.
 * @throws `non_finite_activations`, `not_converged`, `cancelled`.
 */
export async function principalBasis(
  arena: Arena,
  covariance: Tensor,
  site: Site,
  dimension: number,
  signal: AbortSignal,
): Promise<PrincipalBasis> {
  throwIfCancelled(signal);
  const { backend } = arena;
  const values = await backend.read(covariance);
  assertFiniteDiagonal(values, covariance.shape[0], site);
  const { eigenvalues, eigenvectors, solver, sweeps } = await backend.eigh({ covariance, signal });
  const Q = arena.own(eigenvectors);
  const measured = certify(values, eigenvalues, await backend.read(Q), eigenvalues.length);
  arena.free(covariance);
  const report: SiteReport = {
    site: site.index,
    label: site.label,
    eigenvalues,
    dimension,
    discarded_energy: discardedEnergy(eigenvalues, dimension),
    certificate: { ...measured, solver, sweeps },
  };
  return { Q, report };
}

function assertFiniteDiagonal(values: ArrayLike<number>, n: number, site: Site): void {
  for (let i = 0; i < n; i++) {
    if (Number.isFinite(values[i * n + i])) continue;
    throw new WhittleError({
      code: 'non_finite_activations',
      message: `Activations at the ${site.label} are NaN or overflow in channel ${i}.`,
      place: site.layer === undefined ? {} : { layer: site.layer },
      action: 'Check the weights of this layer; a model that gives NaN on the calibration text cannot be sliced.',
    });
  }
}
