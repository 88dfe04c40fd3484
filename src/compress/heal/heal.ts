/**
 * @file Healing: what was compressed is trained to predict as the dense model does, on the calibration text. Low-rank adapters (LoRA,
 * arXiv 2106.09685) on every linear, merged when they are done: the file has the same shapes and bytes as
 * before. Integers are trained through their rounding and stay on their grid.
 */
import * as v from 'valibot';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice } from '../options/fields.ts';
import { plannedTraining, trainingRefusal } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { layerTrainingMemory, trainingMemory } from '../train/memory.ts';
import { adapterFields, type TrainingOptions } from '../train/options.ts';
import { BETA, type DivergenceOptions, LOSS_HELP, towardsDense } from '../train/teacher.ts';
import { assertWindows, trained } from '../train/train.ts';
import { healedByLayers } from './hidden.ts';

export interface Options extends TrainingOptions {
  readonly loss: DivergenceOptions['loss'] | 'hidden';
  readonly beta: number;
}

const LOSS = choice(
  {
    label: 'Loss',
    help: `${LOSS_HELP} hidden: each layer by itself, towards what the dense layer puts out; small in memory, and each layer takes all steps. A second heal with kl may follow it.`,
  },
  ['kl', 'rkl', 'jsd', 'hidden'],
  'kl',
);

export const heal: Method<Options> = {
  name: 'heal',
  about: {
    label: 'Heal',
    paper: 'arXiv 2106.09685',
    group: 'train',
    help: 'Trains what the steps before made to predict as the dense model does, on the calibration text, and keeps what does best on windows held out from it. After any step; integers stay on the grid that they have, which takes higher rates, and peqa or healing before they are rounded may do better. Take 64 calibration windows or more.',
  },
  options: v.strictObject({
    loss: LOSS,
    beta: BETA,
    ...adapterFields(16),
  }),
  comparesDense: ({ loss }) => (loss === 'hidden' ? 'loss=kl' : undefined),
  refusal: trainingRefusal,
  plan: plannedTraining,
  memory: (model, options, plan) =>
    (options.loss === 'hidden' ? layerTrainingMemory : trainingMemory)(model, options, plan),
  run: healed,
};

async function healed(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  assertWindows(context.calibration.count);
  const { loss, beta } = options;
  if (loss === 'hidden') return healedByLayers(model, options, context);
  return towardsDense({ loss, beta }, context, (objective) =>
    trained(model, options, context, objective, lowRank(options)),
  );
}
