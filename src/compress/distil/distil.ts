/**
 * @file Distillation from prompts and answers that a teacher gave: any model's, from a file, or the dense model's own, written here.
 * Three forms: instruction tuning (arXiv 2306.02707), step by step (arXiv 2305.02301), in-context learning (arXiv 2212.10670).
 */
import type { Pair } from '../../formats/pairs/read_pairs.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { memoryScratch } from '../../models/scratch.ts';
import type { ExampleFile, ExampleNeed, ExampleTokens } from '../examples/examples.ts';
import { answersObjective, MOST_HELD_OUT, mixed, requireExamples, trainedOnExamples } from '../examples/objective.ts';
import { answerTargets, exampleWindows } from '../examples/windows.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { plannedTraining, trainingRefusal } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { trainingMemory } from '../train/memory.ts';
import { heldOut } from '../train/schedule.ts';
import { TeacherStates } from '../train/teacher_states.ts';
import { withTeacher } from '../train/text_and_teacher.ts';
import { assertExamples, PREPARING, trained } from '../train/train.ts';
import { type Conditioned, conditioned, conditionedRows } from './in_context.ts';
import { type Options, options } from './options.ts';
import { writtenPairs } from './written.ts';

export const distil: Method<Options> = {
  name: 'distil',
  about: {
    label: 'Distil',
    paper: 'arXiv 2305.02301',
    group: 'train',
    help: 'Learns answers that a teacher gave to prompts: another model’s, from a file, or the dense model’s own, which it writes to a file of prompts before training. With rationales it learns why as well (cot); with in_context what the dense model does when it sees examples, which the student need not see.',
  },
  options,
  refusal: trainingRefusal,
  plan: plannedTraining,
  memory: trainingMemory,
  examples: neededOf,
  run: distilled,
};

function neededOf({ form, data }: Options): ExampleNeed {
  const file = data ?? '';
  if (form === 'cot') return { file, needs: ['completion', 'rationale'], writes: true };
  // The examples that the dense model sees have answers.
  return { file, needs: ['completion'], writes: form === 'instruction' };
}

async function distilled(model: DecoderModel, given: Options, context: PassContext): Promise<CompressedModel> {
  const examples = requireExamples(context, given.data ?? '', given.template);
  const { pairs, notes } = await answeredPairs(examples, given, context);
  if (given.form === 'in_context') return inContext(model, given, context, examples, pairs);
  const { file, wording } = examples;
  const isSteps = given.form === 'cot';
  const groups: ExampleTokens[][] = [];
  for (const pair of pairs) {
    const label = isSteps ? told('[label] ', pair) : pair;
    const group = [await wording.answered([], label, pair.completion ?? '')];
    if (isSteps) group.push(await wording.answered([], told('[rationale] ', pair), pair.rationale ?? ''));
    groups.push(group);
  }
  const answers = exampleWindows(groups, context.calibration.seqlen, file);
  const label = isSteps
    ? `answers and rationales in ${file}, two tasks`
    : `the answers in ${file}, after their prompts`;
  const objective = answersObjective(label, answers, isSteps ? [1, given.rationale] : [1], notes);
  return trainedOnExamples(model, given, context, answers, objective);
}

/** In the order of the seed; the dense model's where the file has none. */
async function answeredPairs(
  examples: ExampleFile,
  given: Options,
  context: PassContext,
): Promise<{ pairs: readonly Pair[]; notes: readonly string[] }> {
  const order = mixed(examples.pairs, given.seed);
  if (order[0].completion !== undefined) return { pairs: order, notes: [] };
  const pairs = await writtenPairs(examples, order, given, context, (fraction, done) =>
    context.observer.onProgress({
      fraction: PREPARING * fraction,
      step: `the dense model answers prompt ${done + 1} of ${order.length}`,
      tokens: 0,
    }),
  );
  const sampling = `temperature ${given.temperature}, top p ${given.top_p}, seed ${given.seed}`;
  return { pairs, notes: [`The dense model wrote ${pairs.length} answers to ${order.length} prompts (${sampling}).`] };
}

/** The word that tells one task from the other, before what is asked. */
function told(word: string, pair: Pair): Pair {
  return { ...pair, prompt: word + pair.prompt, message: word + pair.message };
}

async function inContext(
  model: DecoderModel,
  given: Options,
  context: PassContext,
  { file, wording }: ExampleFile,
  pairs: readonly Pair[],
): Promise<CompressedModel> {
  const { calibration, dense, spill, observer } = context;
  const pool = pairs.length - heldOut(pairs.length, MOST_HELD_OUT);
  const most = dense.config.max_position_embeddings;
  const found: Conditioned[] = [];
  for (const index of pairs.keys()) {
    const one = await conditioned(wording, pairs, index, { ...given, pool, most });
    if (one && one.student.from < Math.min(calibration.seqlen, one.student.ids.length)) found.push(one);
  }
  const lost = pairs.length - found.length;
  const answers = exampleWindows(
    found.map(({ student }) => [student]),
    calibration.seqlen,
    file,
  );
  assertExamples(answers.windows.count);
  const states = await TeacherStates.filled(
    answers.windows,
    spill ? await spill.createScratch() : memoryScratch(),
    (put) =>
      conditionedRows(
        context,
        found.map(({ teacher }) => teacher),
        answers,
        put,
        (fraction) =>
          observer.onProgress({
            fraction: PREPARING * fraction,
            step: 'what the dense model predicts behind examples',
            tokens: 0,
          }),
      ),
  );
  try {
    const lostNote = `${lost} of ${pairs.length} examples were left out: too long, or tokenised otherwise behind others.`;
    const plain = answersObjective(
      `forward KL to the dense model that sees ${given.shots} examples, and the answers in ${file}`,
      answers,
      [1],
      lost > 0 ? [lostNote] : [],
    );
    return await trained(
      model,
      given,
      { ...context, calibration: answers.windows },
      {
        ...plain,
        of: async (arena, chosen, batches, among) =>
          withTeacher(answerTargets(answers, chosen, batches, among), given.soft, async () => ({
            ...{ kind: 'forward_kl', head: dense.lm_head, inputs: await states.inputs(arena, chosen, batches) },
          })),
      },
      lowRank(given),
    );
  } finally {
    await states.clear();
  }
}
