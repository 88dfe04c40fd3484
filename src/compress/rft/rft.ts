/**
 * @file Recovery fine-tuning, as SliceGPT does it (arXiv 2401.15024, §4): low-rank adapters on every linear learn to predict the next token of
 * the calibration text, or of the answers in a file of prompts, without a teacher, and are merged.
 */
import * as v from 'valibot';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { answersObjective, mixed, requireExamples, trainedOnExamples } from '../examples/objective.ts';
import { exampleWindows } from '../examples/windows.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { plannedTraining, trainingRefusal } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { trainingMemory } from '../train/memory.ts';
import { adapterFields, DATA, type ExampleOptions, TEMPLATE, type TrainingOptions } from '../train/options.ts';
import { TEXT } from '../train/teacher.ts';
import { assertWindows, trained } from '../train/train.ts';

type Options = TrainingOptions & ExampleOptions;

export const rft: Method<Options> = {
  name: 'rft',
  about: {
    label: 'Recovery fine-tuning',
    paper: 'arXiv 2401.15024',
    group: 'train',
    help: 'Trains on the calibration text itself, without the dense model: for text that the model is to become good at. With data it learns the answers of a file (Alpaca’s form, say), each after its prompt. To stay close to the model as it was opened, heal does better on the same windows.',
  },
  options: v.strictObject({ ...adapterFields(10), data: DATA, template: TEMPLATE }),
  refusal: trainingRefusal,
  plan: plannedTraining,
  memory: trainingMemory,
  examples: ({ data }) => (data === undefined ? undefined : { file: data, needs: ['completion'] }),
  run: finetuned,
};

async function finetuned(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const { data } = options;
  if (data !== undefined) return onAnswers(model, options, context, data);
  assertWindows(context.calibration.count);
  return trained(model, options, context, TEXT, lowRank(options));
}

async function onAnswers(
  model: DecoderModel,
  options: Options,
  context: PassContext,
  data: string,
): Promise<CompressedModel> {
  const { file, pairs, wording } = requireExamples(context, data, options.template);
  const groups = [];
  for (const pair of mixed(pairs, options.seed)) groups.push([await wording.answered([], pair, pair.completion ?? '')]);
  const answers = exampleWindows(groups, context.calibration.seqlen, file);
  const objective = answersObjective(`the answers in ${file}, after their prompts`, answers);
  return trainedOnExamples(model, options, context, answers, objective);
}
