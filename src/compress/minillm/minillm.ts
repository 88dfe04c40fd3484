/**
 * @file MiniLLM (arXiv 2306.08543): the reverse KL from the dense model over whole texts, by policy gradient on texts that student and
 * dense model sample together, with the single step taken exactly, lengths normalised, and the loss of plain text beside it.
 */
import * as v from 'valibot';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { memoryScratch } from '../../models/scratch.ts';
import type { TokenWindows } from '../../runtime/windows.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { samplingMemory } from '../on_policy/memory.ts';
import { type OnPolicyOptions, onPolicyFields } from '../on_policy/options.ts';
import { freshTeacher, practiceBatches, type StepSampling, samplesOf, sampleWindows } from '../on_policy/practice.ts';
import { type Prompts, promptsOf } from '../on_policy/text.ts';
import { number } from '../options/fields.ts';
import type { Objective } from '../train/held_out.ts';
import { plannedTraining, trainingRefusal } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { windowsOfStep } from '../train/schedule.ts';
import { TeacherStates } from '../train/teacher_states.ts';
import { PREPARING, trained } from '../train/train.ts';
import { policyTargets, policyWeights } from './targets.ts';

export interface Options extends OnPolicyOptions {
  readonly share: number;
  readonly clip: number;
  readonly pt: number;
}

export const minillm: Method<Options> = {
  name: 'minillm',
  about: {
    label: 'MiniLLM',
    paper: 'arXiv 2306.08543',
    group: 'train',
    help: 'Distils by reinforcement: the student writes, with the dense model beside it, and is drawn towards what the dense model finds likely in the long run. For a student that shall give good answers rather than all of them; heal or distil first. Writing makes steps slow.',
  },
  options: v.strictObject({
    share: number(
      {
        label: 'Teacher’s share',
        help: 'Of the dense model in the mixture that texts are sampled from; the loss makes up for it.',
      },
      { min: 0, max: 0.9, value: 0.2 },
    ),
    clip: number(
      {
        label: 'Clip',
        help: 'How far the student’s probability of a token may be from the mixture’s for its long-run reward to count, as in PPO; 0: however far.',
      },
      { min: 0, max: 1, value: 0.2 },
    ),
    pt: number(
      {
        label: 'Text',
        help: 'What the loss of the calibration text itself counts beside: it keeps the student’s language.',
      },
      { min: 0, max: 100, value: 1 },
    ),
    ...onPolicyFields,
  }),
  refusal: trainingRefusal,
  plan: plannedTraining,
  memory: (model, options, plan) => samplingMemory(model, { ...options, batch: 2 * options.batch }, plan, 2),
  examples: ({ data }) => (data === undefined ? undefined : { file: data, needs: ['completion'] }),
  run: distilled,
};

async function distilled(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const { backend, dense, signal, spill, observer, calibration } = context;
  const prompts = await promptsOf(options, context);
  const store = spill ? await spill.createScratch() : memoryScratch();
  const states = await TeacherStates.of(backend, dense, prompts.text, store, signal, (fraction) =>
    observer.onProgress({ fraction: PREPARING * fraction, step: 'what the dense model predicts', tokens: 0 }),
  );
  try {
    const own = { ...context, calibration: prompts.text };
    const objective = minillmObjective(model, prompts, states, calibration, options, own);
    return await trained(model, options, own, objective, lowRank(options));
  } finally {
    await states.clear();
  }
}

/**
 * Measured by the reverse KL on held-out text, token by token.
 * @param plain Whose loss counts beside.
 * @param choose In place of draws, for each sample of a step.
 */
export function minillmObjective(
  model: DecoderModel,
  prompts: Prompts,
  states: TeacherStates,
  plain: TokenWindows,
  options: Pick<Options, 'share' | 'clip' | 'pt' | 'seed' | 'max_tokens' | 'batch'>,
  context: PassContext,
  choose?: StepSampling['choose'],
): Objective {
  const { dense } = context;
  const { seqlen } = prompts.text;
  return {
    label: 'reverse KL to the dense model, by policy gradient on the student’s own texts',
    notes: prompts.notes,
    ...(prompts.most_held_out !== undefined && { most_held_out: prompts.most_held_out }),
    of: async (arena, chosen, batches, among) => ({
      targets: prompts.targets(arena, chosen, batches, among),
      teacher: { kind: 'reverse_kl', head: dense.lm_head, inputs: await states.inputs(arena, chosen, batches) },
    }),
    practice: async (arena, step, chosen, trainable) => {
      const sampling = { ...options, ...(choose && { choose }) };
      const samples = await samplesOf(model, trainable, prompts, step, chosen, sampling, context);
      const { weights, reverse_kl } = policyWeights(samples, options);
      // Of the text that is measured on too, the windows of this step alone: others may be held out.
      const drawn = plain === prompts.text ? chosen : windowsOfStep(step, options.batch, plain.count, options.seed);
      const texts = options.pt > 0 ? drawn.map((window) => windowOf(plain, window)) : [];
      const { windows } = sampleWindows(samples, seqlen, texts);
      const batches = practiceBatches(context, windows);
      const targets = policyTargets(samples, weights, windows.ids, seqlen, batches, {
        texts: texts.length,
        pt: options.pt,
      });
      const inputs = await freshTeacher(arena, context, windows, batches);
      return {
        ...{ windows, batches, targets, shown_loss: reverse_kl },
        teacher: { kind: 'reverse_kl', head: dense.lm_head, inputs },
      };
    },
  };
}

function windowOf({ seqlen, ids }: TokenWindows, window: number): Uint32Array {
  return ids.subarray(window * seqlen, (window + 1) * seqlen);
}
