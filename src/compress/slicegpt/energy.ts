/** @file Discarded energy of a spectrum. Pure, so that the studio can redraw it at every move of the slider. */

/** Share of Σλ beyond the first `dimension`; rounding noise below zero counts as zero. */
export function discardedEnergy(eigenvalues: ArrayLike<number>, dimension: number): number {
  let kept = 0;
  let discarded = 0;
  for (let i = 0; i < eigenvalues.length; i++) {
    const energy = Math.max(0, eigenvalues[i]);
    if (i < dimension) kept += energy;
    else discarded += energy;
  }
  return discarded === 0 ? 0 : discarded / (kept + discarded);
}
