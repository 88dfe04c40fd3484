/** @file What a training on the student's own texts begins from: prompts, and the text behind them that it is measured on. */
import type { Arena } from '../../runtime/arena.ts';
import type { BatchTargets } from '../../runtime/backward/head.ts';
import type { TokenWindows, WindowBatch } from '../../runtime/windows.ts';
import type { ExampleTokens } from '../examples/examples.ts';
import { MOST_HELD_OUT, mixed, requireExamples } from '../examples/objective.ts';
import { answerTargets, exampleWindows } from '../examples/windows.ts';
import type { PassContext } from '../method.ts';
import { textTargets } from '../train/text_and_teacher.ts';
import { assertExamples, assertWindows } from '../train/train.ts';
import type { OnPolicyOptions } from './options.ts';

export interface Prompts {
  readonly text: TokenWindows;
  /** Of a window: what the student goes on from. */
  promptOf(window: number): Uint32Array;
  /** Tokens that end what is written; none for a text that goes on. */
  readonly ends: readonly number[];
  targets(
    arena: Arena,
    chosen: readonly number[],
    batches: readonly WindowBatch[],
    among: readonly number[],
  ): BatchTargets[];
  readonly most_held_out?: number;
  readonly notes: readonly string[];
}

/** Prompts with answers of a file, where one is named; else the calibration text, of which each window begins one. */
export async function promptsOf(options: OnPolicyOptions, context: PassContext): Promise<Prompts> {
  const { calibration } = context;
  if (options.data === undefined) {
    assertWindows(calibration.count);
    return textPrompts(calibration, options.prompt);
  }
  const { file, pairs, wording } = requireExamples(context, options.data, options.template);
  const groups: ExampleTokens[][] = [];
  for (const pair of mixed(pairs, options.seed)) groups.push([await wording.answered([], pair, pair.completion ?? '')]);
  const answers = exampleWindows(groups, calibration.seqlen, file);
  assertExamples(answers.windows.count);
  const { seqlen, ids } = answers.windows;
  return {
    text: answers.windows,
    promptOf: (window) => ids.subarray(window * seqlen, window * seqlen + answers.spans[window].from),
    ends: wording.ends,
    targets: (_, chosen, batches, among) => answerTargets(answers, chosen, batches, among),
    most_held_out: MOST_HELD_OUT,
    notes: answers.notes,
  };
}

export function textPrompts(text: TokenWindows, prompt: number): Prompts {
  const { seqlen, ids } = text;
  const length = Math.min(prompt, seqlen - 1);
  return {
    text,
    promptOf: (window) => ids.subarray(window * seqlen, window * seqlen + length),
    ends: [],
    targets: (arena, chosen, batches, among) => textTargets(arena, text, chosen, batches, among),
    notes: [],
  };
}
