/**
 * @file Generalised knowledge distillation (arXiv 2306.13649): with rate λ a step is taken on texts that the student writes itself, else on
 * given ones, and lowers the generalised Jensen–Shannon divergence from the dense model on each token of them.
 */
import * as v from 'valibot';
import type { DivergenceKind } from '../../backend/training_kernels.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { answerTargets } from '../examples/windows.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { samplingMemory } from '../on_policy/memory.ts';
import { type OnPolicyOptions, onPolicyFields } from '../on_policy/options.ts';
import { freshTeacher, practiceBatches, type StepSampling, samplesOf, sampleWindows } from '../on_policy/practice.ts';
import { type Prompts, promptsOf } from '../on_policy/text.ts';
import { number } from '../options/fields.ts';
import type { Objective } from '../train/held_out.ts';
import { plannedTraining, trainingRefusal } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { uniform } from '../train/random.ts';
import { TeacherStates } from '../train/teacher_states.ts';
import { PREPARING, trained } from '../train/train.ts';

export interface Options extends OnPolicyOptions {
  readonly lambda: number;
  readonly beta: number;
}

export const gkd: Method<Options> = {
  name: 'gkd',
  about: {
    label: 'GKD',
    paper: 'arXiv 2306.13649',
    group: 'train',
    help: 'Distils from the dense model on what the student writes itself: it learns where its own texts go wrong, which it never sees in given ones. Writing costs far more than learning, so steps are slow; heal first.',
  },
  options: v.strictObject({
    lambda: number(
      {
        label: 'Lambda',
        help: 'Share of steps on texts that the student writes; the others take the given text. 0: as heal.',
      },
      { min: 0, max: 1, value: 0.5 },
    ),
    beta: number(
      { label: 'Beta', help: 'Of the generalised Jensen–Shannon divergence: 0 is forward KL, 1 reverse KL.' },
      { min: 0, max: 1, value: 0.5 },
    ),
    ...onPolicyFields,
  }),
  refusal: trainingRefusal,
  plan: plannedTraining,
  memory: (model, options, plan) => samplingMemory(model, options, plan),
  examples: ({ data }) => (data === undefined ? undefined : { file: data, needs: ['completion'] }),
  run: distilled,
};

async function distilled(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const { backend, dense, signal, spill, observer } = context;
  const prompts = await promptsOf(options, context);
  const store = spill ? await spill.createScratch() : memoryScratch();
  const states = await TeacherStates.of(backend, dense, prompts.text, store, signal, (fraction) =>
    observer.onProgress({ fraction: PREPARING * fraction, step: 'what the dense model predicts', tokens: 0 }),
  );
  try {
    const own = { ...context, calibration: prompts.text };
    return await trained(model, options, own, gkdObjective(model, prompts, states, options, own), lowRank(options));
  } finally {
    await states.clear();
  }
}

/** @param choose In place of draws, for each sample of a step. */
export function gkdObjective(
  model: DecoderModel,
  prompts: Prompts,
  states: TeacherStates,
  options: Pick<Options, 'lambda' | 'beta' | 'seed' | 'max_tokens'>,
  context: PassContext,
  choose?: StepSampling['choose'],
): Objective {
  const { lambda, beta, seed } = options;
  const { dense } = context;
  const loss = lossOf(beta);
  return {
    label: `${loss.label} to the dense model; ${Math.round(100 * lambda)} % of steps on the student's own texts`,
    notes: prompts.notes,
    ...(prompts.most_held_out !== undefined && { most_held_out: prompts.most_held_out }),
    of: async (arena, chosen, batches, among) => ({
      targets: prompts.targets(arena, chosen, batches, among),
      teacher: { ...loss.kind, head: dense.lm_head, inputs: await states.inputs(arena, chosen, batches) },
    }),
    practice: async (arena, step, chosen, trainable) => {
      if (uniform(seed, 5, step)() >= lambda) return undefined;
      const sampling = { ...options, ...(choose && { choose }) };
      const samples = await samplesOf(model, trainable, prompts, step, chosen, sampling, context);
      const { windows, spans } = sampleWindows(samples, prompts.text.seqlen);
      const batches = practiceBatches(context, windows);
      const all = [...spans.keys()];
      const inputs = await freshTeacher(arena, context, windows, batches);
      return {
        ...{ windows, batches, targets: answerTargets({ windows, spans }, all, batches, all) },
        teacher: { ...loss.kind, head: dense.lm_head, inputs },
      };
    },
  };
}

/** JSD(β)/β tends to the forward KL as β → 0, JSD(β)/(1 − β) to the reverse KL as β → 1: the ends stand for these, as is usual. */
function lossOf(beta: number): { label: string; kind: { kind: DivergenceKind; beta?: number } } {
  if (beta === 0) return { label: 'forward KL', kind: { kind: 'forward_kl' } };
  if (beta === 1) return { label: 'reverse KL', kind: { kind: 'reverse_kl' } };
  return { label: `JSD(${beta})`, kind: { kind: 'jsd', beta } };
}
