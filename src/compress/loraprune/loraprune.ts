/** @file LoRAPrune (arXiv 2305.18403): structured pruning by what the gradients of low-rank adapters tell, while these adapters train. */
import * as v from 'valibot';
import type { Method } from '../method.ts';
import { number } from '../options/fields.ts';
import { KEEP, type PruneTrainingOptions } from '../prune_training/options.ts';
import { plannedPruneTraining, pruneTrainingMemory, pruneTrainingRefusal } from '../prune_training/plan.ts';
import { prunedInTraining } from '../prune_training/prune_training.ts';
import { alphaOf, BATCH, LR, RANK, SEED, STEPS } from '../train/options.ts';
import { BUDGET, UNITS } from '../width/fields.ts';
import { loraImportance } from './importance.ts';

export interface Options extends PruneTrainingOptions {
  readonly average: number;
}

export const loraprune: Method<Options> = {
  name: 'loraprune',
  about: {
    label: 'LoRAPrune',
    paper: 'arXiv 2305.18403',
    group: 'prune',
    help: 'Removes head groups and MLP channels a few at a time while low-rank adapters train on the calibration text, by what the adapters’ own gradients tell; what is left makes up for them. A plain smaller model. Take 64 calibration windows or more.',
  },
  options: v.strictObject({
    keep: KEEP,
    units: UNITS,
    budget: BUDGET,
    average: number(
      { label: 'Average', help: 'What the moving average of importance keeps of what it was, at each step.' },
      { min: 0, max: 0.999, value: 0.9 },
    ),
    ...{ rank: RANK, alpha: alphaOf(16), steps: STEPS, lr: LR, batch: BATCH, seed: SEED },
  }),
  spreads: ({ budget }) => budget === 'global',
  refusal: (model, options) => pruneTrainingRefusal(model, options, 'loraprune'),
  plan: plannedPruneTraining,
  memory: (model, options, plan) => pruneTrainingMemory(model, options, plan, 'linear'),
  run: (model, options, context) =>
    prunedInTraining(model, options, context, async (_arena, halves, trainable) =>
      loraImportance(model, halves, trainable, options.average),
    ),
};
