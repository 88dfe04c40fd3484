/** @file Learning answers after their prompts, by the next token: what fine-tuning and every black-box distillation lower. */

import type { DecoderModel } from '../../models/decoder_model.ts';
import type { CompressedModel, PassContext } from '../method.ts';
import type { Objective } from '../train/held_out.ts';
import { lowRank } from '../train/low_rank.ts';
import type { ExampleOptions, TrainingOptions } from '../train/options.ts';
import { shuffled } from '../train/random.ts';
import { assertExamples, trained } from '../train/train.ts';
import type { ExampleFile } from './examples.ts';
import { answerTargets, type ExampleWindows } from './windows.ts';

/** Held-out windows of examples are short, and few of them say little. */
export const MOST_HELD_OUT = 32;

/** @param shares What each kind of windows counts that belong together; absent: there is one kind. */
export function answersObjective(
  label: string,
  answers: ExampleWindows,
  shares: readonly number[] = [1],
  notes: readonly string[] = [],
): Objective {
  return {
    label,
    each: shares.length,
    most_held_out: MOST_HELD_OUT,
    notes: [...notes, ...answers.notes],
    of: async (_, chosen, batches, among) => ({ targets: answerTargets(answers, chosen, batches, among, shares) }),
  };
}

/** In an order of the seed, because files are often sorted: the last ones are held out. */
export function mixed<T>(examples: readonly T[], seed: number): T[] {
  return shuffled(examples.length, seed, 4).map((i) => examples[i]);
}

/** Trains on windows of examples in place of the calibration text. @throws `text_too_short` for less than two examples. */
export function trainedOnExamples(
  model: DecoderModel,
  options: TrainingOptions,
  context: PassContext,
  { windows }: ExampleWindows,
  objective: Objective,
): Promise<CompressedModel> {
  assertExamples(windows.count / (objective.each ?? 1));
  return trained(model, options, { ...context, calibration: windows }, objective, lowRank(options));
}

/** Of a step that named a file. */
export function requireExamples(context: PassContext, file: string, template: ExampleOptions['template']): ExampleFile {
  if (context.examples) return context.examples(file, template);
  throw new RangeError(`nobody reads ${file}`);
}
