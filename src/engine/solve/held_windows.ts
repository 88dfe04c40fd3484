/** @file Calibration windows that fit nothing while the solver looks, and measure everything. */

/** Share of the calibration windows that are held back, and how many at most. */
const HELD_SHARE = 4;
const MOST_HELD = 4;

export function heldWindows(count: number): number {
  return Math.min(MOST_HELD, Math.ceil(count / HELD_SHARE));
}
