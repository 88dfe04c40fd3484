/** @file Which windows a step takes, and how fast it learns. Both follow from the step's number alone. */
import { shuffled } from './random.ts';

/** Steps of linear warm-up. */
const WARM_UP = 10;

/** Linear warm-up times a cosine from 1 to 0 over all steps. @param step From 0. */
export function learningRate(step: number, { lr, steps }: { readonly lr: number; readonly steps: number }): number {
  return lr * Math.min(1, (step + 1) / WARM_UP) * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
}

/** Each window comes once before any comes again, every time in another order. @param step From 0. */
export function windowsOfStep(step: number, batch: number, count: number, seed: number): number[] {
  const orders = new Map<number, number[]>();
  return Array.from({ length: batch }, (_, i) => {
    const drawn = step * batch + i;
    const round = Math.floor(drawn / count);
    const order = orders.get(round) ?? shuffled(count, seed, 1, round);
    orders.set(round, order);
    return order[drawn % count];
  });
}

/** Windows at the end of the calibration text that are not trained on. */
export function heldOut(count: number, most = 8): number {
  return Math.max(1, Math.min(most, Math.floor(count / 4)));
}
