/** @file Options that every training of adapters has. */
import type { Template } from '../examples/examples.ts';
import { choice, file, flag, number } from '../options/fields.ts';

/** Of every training. */
export interface StepOptions {
  readonly steps: number;
  readonly lr: number;
  readonly batch: number;
  readonly seed: number;
}

/** Of one of low-rank adapters. */
export interface TrainingOptions extends StepOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly shortcuts: boolean;
  readonly norms: boolean;
}

export const RANK = number(
  { label: 'Rank', help: 'Of the adapter B·A of each linear: how much it can learn, and what memory that takes.' },
  { min: 1, max: 1024, value: 32, whole: true },
);
export const alphaOf = (value: number) =>
  number({ label: 'Alpha', help: 'Adapters count alpha / rank.' }, { min: 0.01, max: 4096, value });
export const STEPS = number(
  {
    label: 'Steps',
    help: 'At most so many; the weights of the step that did best on the held-out windows are kept.',
    unit: 'steps',
  },
  { min: 1, max: 100000, value: 100, whole: true },
);
export const lrOf = (
  value: number,
  help = 'The largest: it rises over the first ten steps and falls as a cosine to zero.',
) => number({ label: 'Learning rate', help }, { min: 1e-7, max: 1, value });
export const LR = lrOf(
  1e-3,
  'The largest: it rises over the first ten steps and falls as a cosine to zero. Small models bear 1e-3 and more, larger ones less.',
);
export const BATCH = number(
  { label: 'Batch', help: 'Calibration windows a step.', unit: 'windows' },
  { min: 1, max: 256, value: 4, whole: true },
);
export const SEED = number(
  { label: 'Seed', help: 'Of the adapters and of the order of windows: the same seed, the same bits.' },
  { min: 0, max: 4294967295, value: 0, whole: true },
);
export const SHORTCUTS = flag(
  {
    label: 'Shortcuts',
    help: 'Trains the shortcuts of a sliced model as well, whole. The first steps on them do harm: with many steps and a low rate only.',
  },
  false,
);
export const NORMS = flag(
  { label: 'Norms and biases', help: 'Trains norms and the biases of linears as well, where the model has them.' },
  false,
);

/** What every training of adapters takes. @param alpha Its default. */
export const adapterFields = (alpha: number) => ({
  ...{ rank: RANK, alpha: alphaOf(alpha), steps: STEPS, lr: LR, batch: BATCH },
  ...{ shortcuts: SHORTCUTS, norms: NORMS, seed: SEED },
});

/** Of trainings that learn from prompts and answers. */
export interface ExampleOptions {
  readonly data?: string | undefined;
  readonly template: Template;
}

export const DATA = file(
  {
    label: 'Examples',
    help: 'A JSON Lines file with prompt and completion (and rationale), or instruction, input and output, a line each. It is given beside the recipe: dropped on the page, or lying where the headless command is told.',
  },
  'a JSON Lines file',
);

export const TEMPLATE = choice<Template>(
  {
    label: 'Template',
    help: 'How prompts and answers are put to the model. chat: as messages in its own chat template. plain: as text. auto: chat where it has one.',
  },
  ['auto', 'chat', 'plain'],
  'auto',
);
