/** @file Covariance of a site with the digits that its PCA needs, and what was found on the way: its dominant directions. */
import type { Tensor } from '../../backend/backend.ts';
import { type Dominant, dominantDirections, NO_DIRECTIONS } from '../../backend/linalg/dominant.ts';
import { WhittleError } from '../../errors/errors.ts';
import type { Arena } from '../../runtime/arena.ts';
import { DeflatedGram, diagonalOf, Gram, solvesInSingle } from '../../statistics/gram.ts';
import { lostDigits } from './deflation.ts';
import type { Site } from './sites.ts';

export interface SiteCovariance {
  /** (n, n) symmetric, f64. */
  H: Float64Array;
  size: number;
  /** Of H; none for a backend that needs none taken out. */
  dominant: Dominant;
  /** By how much rounding weighs more in what is left without the dominant directions: 1 for no loss. */
  lost: number;
  /** Directions without which the next site's states should be summed: massive activations persist from site to site. */
  carried?: Dominant;
  /** What H lies in where it is no array of its own: `basisOf` frees it, or whoever uses H up otherwise. */
  held?: Tensor;
}

/** Beyond this the sum is formed again without the dominant directions. (The loss of kept energy goes with the square.) */
const MAX_LOST = 100;

export type StatesSum = Gram | DeflatedGram;

/** A sum to add states of size n to. @param carried Of the site before. */
export function statesSum(arena: Arena, n: number, carried: Dominant | undefined): StatesSum {
  return carried ? new DeflatedGram(arena, n, carried) : new Gram(arena, n);
}

/**
 * Reads a sum and looks for dominant directions; it is freed.
 * @param again Adds all states to another sum; without it a loss of digits stays, and shows in `lost`.
 * @throws `non_finite_activations`.
 */
export async function siteCovariance(
  arena: Arena,
  sum: StatesSum,
  site: Site,
  again?: (sum: DeflatedGram) => Promise<void>,
): Promise<SiteCovariance> {
  const covariance = await taken(arena, sum, site);
  if (covariance.lost <= MAX_LOST || !again) return covariance;
  arena.free(covariance.held);
  const deflated = new DeflatedGram(arena, sum.size, covariance.dominant);
  await again(deflated);
  return taken(arena, deflated, site);
}

/** Whether the states should be summed once more, without the directions that are known now. */
export function needsAnotherSum({ lost }: SiteCovariance): boolean {
  return lost > MAX_LOST;
}

async function taken(arena: Arena, sum: StatesSum, site: Site): Promise<SiteCovariance> {
  const { size } = sum;
  const { H, rounded, held } = await sum.take(true);
  assertFiniteDiagonal(H, size, site);
  if (!solvesInSingle(arena.backend)) return { H, size, dominant: NO_DIRECTIONS, lost: 1, ...(held && { held }) };
  const dominant = await dominantDirections(H, size);
  const isNeeded = lostDigits(diagonalOf(H, size), H, size, dominant) > MAX_LOST;
  return {
    H,
    size,
    dominant,
    lost: lostDigits(rounded, H, size, dominant),
    ...(isNeeded && { carried: dominant }),
    ...(held && { held }),
  };
}

/** The covariance of a site that was put together in f64 elsewhere. */
export async function knownCovariance(
  { backend }: Arena,
  H: Float64Array,
  size: number,
  lost: number,
): Promise<SiteCovariance> {
  return { H, size, dominant: solvesInSingle(backend) ? await dominantDirections(H, size) : NO_DIRECTIONS, lost };
}

function assertFiniteDiagonal(values: ArrayLike<number>, n: number, site: Site): void {
  for (let i = 0; i < n; i++) {
    if (Number.isFinite(values[i * n + i])) continue;
    throw new WhittleError({
      code: 'non_finite_activations',
      message: `Activations at the ${site.label} are NaN, or so large that their squares overflow, in channel ${i}.`,
      place: site.layer === undefined ? {} : { layer: site.layer },
      action: 'Check the weights of this layer; a model that gives NaN on the calibration text cannot be sliced.',
    });
  }
}
