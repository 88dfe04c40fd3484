/** @file GUM (arXiv 2302.03773): structured pruning by global movement and local uniqueness, while adapters train. */
import * as v from 'valibot';
import type { Method } from '../method.ts';
import { KEEP, type PruneTrainingOptions, widthOptions } from '../prune_training/options.ts';
import { plannedPruneTraining, pruneTrainingMemory, pruneTrainingRefusal } from '../prune_training/plan.ts';
import { prunedInTraining } from '../prune_training/prune_training.ts';
import { alphaOf, BATCH, LR, RANK, SEED, STEPS } from '../train/options.ts';
import { assertWindows } from '../train/train.ts';
import { BUDGET, UNITS } from '../width/fields.ts';
import { halvesOf } from '../width/plan.ts';
import { uniqueMovement } from './movement.ts';
import { unitUniqueness } from './uniqueness.ts';

export const gum: Method<PruneTrainingOptions> = {
  name: 'gum',
  about: {
    label: 'GUM',
    paper: 'arXiv 2302.03773',
    group: 'prune',
    help: 'Removes head groups and MLP channels a few at a time while low-rank adapters train on the calibration text: first those whose weights training makes smaller and that do what others of their layer do. With budget=global, as published, layers compete; uniform leaves a model that other tools load. Take 64 calibration windows or more.',
  },
  options: v.strictObject({
    keep: KEEP,
    units: UNITS,
    budget: BUDGET,
    ...{ rank: RANK, alpha: alphaOf(16), steps: STEPS, lr: LR, batch: BATCH, seed: SEED },
  }),
  spreads: ({ budget }) => budget === 'global',
  refusal: (model, options) => pruneTrainingRefusal(model, options, 'gum'),
  plan: plannedPruneTraining,
  memory: (model, options, plan) => pruneTrainingMemory(model, options, plan, 'layer'),
  async run(model, options, context) {
    const quiet = { ...context, observer: { ...context.observer, onProgress() {} } };
    // Before there are adapters: Grams are large.
    assertWindows(context.calibration.count);
    const unique = await unitUniqueness(model, halvesOf(widthOptions(options)), quiet);
    return prunedInTraining(model, options, context, async (arena, halves) =>
      uniqueMovement(arena, model, halves, unique),
    );
  },
};
