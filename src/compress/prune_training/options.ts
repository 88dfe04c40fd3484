/** @file Options of methods that prune while they train. */
import { number } from '../options/fields.ts';
import type { Options as WidthOptions } from '../width/units.ts';

export interface PruneTrainingOptions {
  readonly keep: number;
  readonly units: WidthOptions['units'];
  readonly budget: WidthOptions['budget'];
  readonly rank: number;
  readonly alpha: number;
  readonly steps: number;
  readonly lr: number;
  readonly batch: number;
  readonly seed: number;
}

export const KEEP = number(
  {
    label: 'Keep',
    help: 'Share of the head groups and of the channels of a layer that stay; one of each at least.',
  },
  { min: 0.01, max: 1, value: 0.8 },
);

/** What `width` is asked to cut, by scores that are known. */
export function widthOptions({ keep, units, budget }: PruneTrainingOptions): WidthOptions {
  return { keep, units, budget, compensate: false, score: 'wanda', bias: false };
}
