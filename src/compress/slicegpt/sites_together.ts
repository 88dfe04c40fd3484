/**
 * @file PCA of sites that do not see what was made of one another, as many at a time as the backend solves best: a CPU's threads have
 * one each. A backend without that, or with large matrices, has them one after another.
 */
import type { Arena } from '../../runtime/arena.ts';
import { decompositionOf } from './deflation.ts';
import { basisOf, type PrincipalBasis, principalBasis } from './principal_basis.ts';
import type { SiteCovariance } from './site_covariance.ts';
import type { Site } from './sites.ts';

/** A site whose states are summed. */
export interface SummedSite {
  readonly site: Site;
  readonly covariance: SiteCovariance;
}

export class SitesTogether {
  private waiting: SummedSite[] = [];
  private readonly most: number;

  /**
   * @param size Rows of the covariances. @param dimension Directions that will be kept.
   * @param take Gets each basis, in the order of the sites, and is waited for: there is no other meanwhile.
   */
  constructor(
    private readonly arena: Arena,
    size: number,
    private readonly dimension: number,
    private readonly signal: AbortSignal,
    private readonly take: (basis: PrincipalBasis, site: Site) => Promise<void>,
  ) {
    this.most = arena.backend.countTogether?.(size) ?? 1;
  }

  /** @throws As `principalBasis`, of any site that waited. */
  async add(site: SummedSite): Promise<void> {
    this.waiting.push(site);
    if (this.waiting.length >= this.most) await this.finish();
  }

  /** What still waits. */
  async finish(): Promise<void> {
    const sites = this.waiting;
    this.waiting = [];
    const { arena, dimension, signal, take } = this;
    const { eigh64Together } = arena.backend;
    if (!eigh64Together || sites.length < 2) {
      for (const { site, covariance } of sites)
        await take(await principalBasis(arena, covariance, site, dimension, signal), site);
      return;
    }
    // A backend with this computes in f64: nothing was to be taken out of a covariance.
    const matrices = sites.map(({ covariance }) => covariance.H);
    const args = { matrices, n: sites[0].covariance.size, wanted: dimension, signal };
    await eigh64Together(args, async (found, i) => {
      const { site, covariance } = sites[i];
      const decomposition = await decompositionOf(arena, found);
      await take(await basisOf(arena, covariance, site, decomposition, dimension, signal), site);
    });
  }
}
