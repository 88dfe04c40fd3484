/** @file Options that every training of adapters has. */
import { number } from '../options/fields.ts';

export interface TrainingOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly steps: number;
  readonly lr: number;
  readonly batch: number;
  readonly seed: number;
}

export const RANK = number(
  { label: 'Rank', help: 'Of the adapter B·A of each linear: how much it can learn, and what memory that takes.' },
  { min: 1, max: 1024, value: 32, whole: true },
);
export const ALPHA = number(
  { label: 'Alpha', help: 'Adapters count alpha / rank.' },
  { min: 0.01, max: 4096, value: 16 },
);
export const STEPS = number(
  {
    label: 'Steps',
    help: 'At most so many; the weights of the step that did best on the held-out windows are kept.',
    unit: 'steps',
  },
  { min: 1, max: 100000, value: 100, whole: true },
);
export const LR = number(
  {
    label: 'Learning rate',
    help: 'The largest: it rises over the first ten steps and falls as a cosine to zero. Small models bear 1e-3 and more, larger ones less.',
  },
  { min: 1e-7, max: 1, value: 1e-3 },
);
export const BATCH = number(
  { label: 'Batch', help: 'Calibration windows a step.', unit: 'windows' },
  { min: 1, max: 256, value: 4, whole: true },
);
export const SEED = number(
  { label: 'Seed', help: 'Of the adapters and of the order of windows: the same seed, the same bits.' },
  { min: 0, max: 4294967295, value: 0, whole: true },
);
