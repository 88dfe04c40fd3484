/**
 * @file Healing: what was compressed is trained to predict as the dense model does, on the calibration text. Low-rank adapters (LoRA,
 * arXiv 2106.09685) on every linear, merged when they are done: the file has the same shapes and bytes as before.
 */
import * as v from 'valibot';
import type { DivergenceKind } from '../../backend/training_kernels.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { memoryScratch } from '../../models/scratch.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice, number } from '../options/fields.ts';
import type { Objective } from '../train/held_out.ts';
import { plannedTraining, trainingRefusal } from '../train/linears.ts';
import { layerTrainingMemory, trainingMemory } from '../train/memory.ts';
import { alphaOf, BATCH, LR, NORMS, RANK, SEED, SHORTCUTS, STEPS, type TrainingOptions } from '../train/options.ts';
import { TeacherStates } from '../train/teacher_states.ts';
import { assertWindows, PREPARING, trained } from '../train/train.ts';
import { healedByLayers } from './hidden.ts';

export interface Options extends TrainingOptions {
  readonly loss: 'kl' | 'rkl' | 'jsd' | 'hidden';
  readonly beta: number;
}

const KINDS: Readonly<Record<Exclude<Options['loss'], 'hidden'>, { kind: DivergenceKind; label: string }>> = {
  kl: { kind: 'forward_kl', label: 'forward KL to the dense model' },
  rkl: { kind: 'reverse_kl', label: 'reverse KL to the dense model' },
  jsd: { kind: 'jsd', label: 'Jensen–Shannon divergence to the dense model' },
};

export const heal: Method<Options> = {
  name: 'heal',
  about: {
    label: 'Heal',
    paper: 'arXiv 2106.09685',
    group: 'train',
    help: 'Trains what the steps before made to predict as the dense model does, on the calibration text, and keeps what does best on windows held out from it. After any step that slices, prunes or factors, and before one that rounds. Take 64 calibration windows or more.',
  },
  options: v.strictObject({
    loss: choice(
      {
        label: 'Loss',
        help: 'kl: forward Kullback–Leibler divergence, whatever the dense model thinks possible stays possible. rkl: reverse, only what it thinks likely. jsd: between the two, by beta. hidden: each layer by itself, towards what the dense layer puts out; quick and small in memory, and each layer takes all steps. A second heal with kl may follow it.',
      },
      ['kl', 'rkl', 'jsd', 'hidden'],
      'kl',
    ),
    beta: number(
      { label: 'Beta', help: 'Of jsd: the share of the dense model in the mixture.' },
      { min: 0.01, max: 0.99, value: 0.5 },
    ),
    ...{
      rank: RANK,
      alpha: alphaOf(16),
      steps: STEPS,
      lr: LR,
      batch: BATCH,
      shortcuts: SHORTCUTS,
      norms: NORMS,
      seed: SEED,
    },
  }),
  comparesDense: ({ loss }) => (loss === 'hidden' ? 'loss=kl' : undefined),
  refusal: trainingRefusal,
  plan: plannedTraining,
  memory: (model, options, plan) =>
    (options.loss === 'hidden' ? layerTrainingMemory : trainingMemory)(model, options, plan),
  run: healed,
};

async function healed(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const { backend, calibration, dense, signal, spill, observer } = context;
  assertWindows(calibration.count);
  if (options.loss === 'hidden') return healedByLayers(model, options, context);
  const store = spill ? await spill.createScratch() : memoryScratch();
  const states = await TeacherStates.of(backend, dense, calibration, store, signal, (fraction) =>
    observer.onProgress({ fraction: PREPARING * fraction, step: 'what the dense model predicts', tokens: 0 }),
  );
  try {
    const { kind, label } = KINDS[options.loss];
    const objective: Objective = {
      label,
      of: async (arena, chosen, batches) => ({
        teacher: {
          ...{ kind, head: dense.lm_head, inputs: await states.inputs(arena, chosen, batches) },
          ...(kind === 'jsd' && { beta: options.beta }),
        },
      }),
    };
    return await trained(model, options, context, objective);
  } finally {
    await states.clear();
  }
}
