/** @file How many units are gone when: none while the adapters warm up, then ever fewer at a time, then none while what is left learns on. */

/** Shares of the steps at which units begin to go, and at which all have gone. */
const [BEGIN, END] = [0.1, 0.6];
/** Times at which units go. */
const CUTS = 20;

/** Share of what is to go that is gone after a step: 1 − (1 − t)³ (arXiv 1710.01878). @param step From 0. */
export function goneShare(step: number, steps: number): number {
  const first = Math.floor(BEGIN * steps);
  const last = lastCut(steps);
  if (step < first) return 0;
  if (step >= last) return 1;
  const every = Math.max(1, Math.floor((last - first) / CUTS));
  const at = first + every * Math.floor((step - first) / every);
  return 1 - (1 - (at - first + 1) / (last - first + 1)) ** 3;
}

/** The step after which all have gone. */
export function lastCut(steps: number): number {
  return Math.max(Math.floor(BEGIN * steps), Math.ceil(END * steps) - 1);
}
