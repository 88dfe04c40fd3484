/**
 * @file Recovery fine-tuning, as SliceGPT does it (arXiv 2401.15024, §4): low-rank adapters on every linear learn to predict the next token of
 * the calibration text, without a teacher, and are merged.
 */
import * as v from 'valibot';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { plannedTraining, trainingRefusal } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { trainingMemory } from '../train/memory.ts';
import { alphaOf, BATCH, LR, NORMS, RANK, SEED, SHORTCUTS, STEPS, type TrainingOptions } from '../train/options.ts';
import { TEXT } from '../train/teacher.ts';
import { assertWindows, trained } from '../train/train.ts';

export const rft: Method<TrainingOptions> = {
  name: 'rft',
  about: {
    label: 'Recovery fine-tuning',
    paper: 'arXiv 2401.15024',
    group: 'train',
    help: 'Trains on the calibration text itself, without the dense model: for text that the model is to become good at. To stay close to the model as it was opened, heal does better on the same windows.',
  },
  options: v.strictObject({
    rank: RANK,
    alpha: alphaOf(10),
    steps: STEPS,
    lr: LR,
    batch: BATCH,
    shortcuts: SHORTCUTS,
    norms: NORMS,
    seed: SEED,
  }),
  refusal: trainingRefusal,
  plan: plannedTraining,
  memory: trainingMemory,
  run: finetuned,
};

async function finetuned(
  model: DecoderModel,
  options: TrainingOptions,
  context: PassContext,
): Promise<CompressedModel> {
  assertWindows(context.calibration.count);
  return trained(model, options, context, TEXT, lowRank(options));
}
