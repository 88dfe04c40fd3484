/**
 * @file LLM-Pruner (arXiv 2305.11627): groups of weights that depend on each other go together, those first whose removal changes the
 * loss least by its gradient. What goes and what remains is as in `width`; only what a unit is worth is told by the reverse pass.
 */

import * as v from 'valibot';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice, flag, number } from '../options/fields.ts';
import { gradientRefusal } from '../train/refusal.ts';
import { spread } from '../width/budget.ts';
import { BUDGET, UNITS } from '../width/fields.ts';
import { halvesOf, plannedWidth, widthRefusal } from '../width/plan.ts';
import { pruneModel } from '../width/prune_model.ts';
import type { Options as WidthOptions } from '../width/units.ts';
import { gradientMemory } from './memory.ts';
import { gradientScores, type Level, type Score } from './scores.ts';

export interface Options {
  readonly keep: number;
  readonly score: Score;
  readonly level: Level;
  readonly units: WidthOptions['units'];
  readonly budget: WidthOptions['budget'];
  readonly compensate: boolean;
}

/** Share of the work that the gradients are. */
const GRADIENTS = 0.7;

export const llmPruner: Method<Options> = {
  name: 'llm_pruner',
  about: {
    label: 'LLM-Pruner',
    paper: 'arXiv 2305.11627',
    group: 'prune',
    help: 'Removes head groups and MLP channels whose removal changes the loss least, by its gradient on the calibration text. A plain smaller model, which is meant to be trained afterwards: put a training step behind it.',
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
        help: 'taylor: gradient times weight. fisher: less half of the squared gradients times the squared weight, window by window: slower.',
      },
      ['taylor', 'fisher'],
      'taylor',
    ),
    level: choice(
      {
        label: 'Level',
        help: 'element: the size of every weight’s share. vector: the size of the sum over a row, in which they may cancel.',
      },
      ['element', 'vector'],
      'element',
    ),
    units: UNITS,
    budget: BUDGET,
    compensate: flag(
      {
        label: 'Compensate',
        help: 'Least squares fit what remains to what the layer put out with all units; LLM-Pruner itself leaves it to training.',
      },
      false,
    ),
  }),
  takes: ['correct'],
  spreads: ({ budget }) => budget === 'global',
  refusal: (model, options) =>
    widthRefusal(model, widthOptions(options), 'llm_pruner') ?? gradientRefusal(model, 'llm_pruner'),
  plan: (model, options) => plannedWidth(model, widthOptions(options)),
  memory: gradientMemory,
  run: prune,
};

function widthOptions({ keep, units, budget, compensate }: Options): WidthOptions {
  return { keep, units, budget, compensate, score: 'wanda', bias: false };
}

async function prune(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const of = widthOptions(options);
  const halves = halvesOf(of);
  const { observer, calibration } = context;
  const tokens = calibration.count * calibration.seqlen;
  const layers = model.layers.length;
  const scores = await gradientScores(model, options, halves, context, (fraction, layer) =>
    observer.onProgress({
      fraction: GRADIENTS * fraction,
      ...{ layer, layers, step: 'gradients', tokens: Math.round(fraction * tokens) },
    }),
  );
  const budgets =
    options.budget === 'global'
      ? new Map([...scores].map(([half, rows]) => [half, spread(rows, options.keep)]))
      : undefined;
  const onProgress: typeof observer.onProgress = (progress) =>
    observer.onProgress({ ...progress, fraction: GRADIENTS + (1 - GRADIENTS) * progress.fraction });
  return pruneModel(model, of, halves, budgets, { ...context, observer: { ...observer, onProgress } }, scores);
}
