/**
 * @file Structured pruning: key-value groups with their query heads, and channels of the MLP, are removed whole (the dependency
 * groups of LLM-Pruner, arXiv 2305.11627). A plain smaller model remains.
 */

import * as v from 'valibot';
import { outputLinear } from '../layerwise/half.ts';
import type { Method } from '../method.ts';
import { choice, flag, number } from '../options/fields.ts';
import { globalBudgets } from './budget.ts';
import { BUDGET, UNITS } from './fields.ts';
import { halvesOf, plannedWidth, widthRefusal } from './plan.ts';
import { pruneModel } from './prune_model.ts';
import { type Options, statisticsOf } from './units.ts';

export const width: Method<Options> = {
  name: 'width',
  about: {
    label: 'Width',
    paper: 'arXiv 2312.11983',
    group: 'prune',
    help: 'Removes attention heads (whole groups that share a key and a value) and MLP channels, and fits what is left to what the layer put out. A plain smaller model: fewer bytes and fewer multiplications, in every runtime.',
  },
  options: v.strictObject({
    keep: number(
      {
        label: 'Keep',
        help: 'Share of the head groups and of the channels of a layer that stay; one of each at least.',
      },
      { min: 0.01, max: 1, value: 0.8 },
    ),
    score: choice(
      {
        label: 'Score',
        help: 'What a unit is worth. wanda: its weights times the size of its inputs. flap: how much its inputs vary, times its weights. obs: what its removal costs after the others have made up for it (SlimGPT, arXiv 2412.18110); best, and slowest.',
      },
      ['wanda', 'flap', 'obs'],
      'obs',
    ),
    units: UNITS,
    budget: BUDGET,
    compensate: flag(
      {
        label: 'Compensate',
        help: 'Least squares fit what remains to what the layer put out with all units (GRAIL, arXiv 2602.23795).',
      },
      true,
    ),
    bias: flag(
      {
        label: 'Bias',
        help: 'What removed units gave on average becomes a bias (FLAP). Adds a vector to each layer that had none, which some formats cannot hold.',
      },
      false,
    ),
  }),
  takes: ['correct'],
  spreads: ({ budget }) => budget === 'global',
  refusal: (model, options) => widthRefusal(model, options),
  plan: plannedWidth,
  reads: (options) => ({
    statistics: statisticsOf(options),
    touches: (name) => halvesOf(options).some((half) => name === outputLinear(half)),
  }),
  async run(model, options, context) {
    const halves = halvesOf(options);
    const part = (from: number, to: number) => ({
      ...context,
      observer: {
        ...context.observer,
        onProgress: (progress: Parameters<typeof context.observer.onProgress>[0]) =>
          context.observer.onProgress({ ...progress, fraction: from + (to - from) * progress.fraction }),
      },
    });
    if (options.budget === 'uniform') return pruneModel(model, options, halves, undefined, context);
    const budgets = await globalBudgets(model, options, halves, part(0, 0.4));
    return pruneModel(model, options, halves, budgets, part(0.4, 1));
  },
};
