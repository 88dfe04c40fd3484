/** @file The dense model as the target of a training: its distribution over the next token, on the calibration windows. */
import type { DivergenceKind } from '../../backend/training_kernels.ts';
import { memoryScratch } from '../../models/scratch.ts';
import type { PassContext } from '../method.ts';
import { choice, number } from '../options/fields.ts';
import type { Objective } from './held_out.ts';
import { TeacherStates } from './teacher_states.ts';
import { PREPARING } from './train.ts';

export interface DivergenceOptions {
  readonly loss: 'kl' | 'rkl' | 'jsd';
  readonly beta: number;
}

const KINDS: Readonly<Record<DivergenceOptions['loss'], { kind: DivergenceKind; label: string }>> = {
  kl: { kind: 'forward_kl', label: 'forward KL to the dense model' },
  rkl: { kind: 'reverse_kl', label: 'reverse KL to the dense model' },
  jsd: { kind: 'jsd', label: 'Jensen–Shannon divergence to the dense model' },
};

export const LOSS_HELP =
  'kl: forward Kullback–Leibler divergence, whatever the dense model thinks possible stays possible. rkl: reverse, only what it thinks likely. jsd: between the two, by beta.';

export const LOSS = choice({ label: 'Loss', help: LOSS_HELP }, ['kl', 'rkl', 'jsd'], 'kl');

/** Of what may be trained on the text alone. */
export interface TargetOptions {
  readonly loss: DivergenceOptions['loss'] | 'text';
  readonly beta: number;
}

export const LOSS_OR_TEXT = choice(
  { label: 'Loss', help: `${LOSS_HELP} text: the next token of the text, without the dense model.` },
  ['kl', 'rkl', 'jsd', 'text'],
  'kl',
);

export const BETA = number(
  { label: 'Beta', help: 'Of jsd: the share of the dense model in the mixture.' },
  { min: 0.01, max: 0.99, value: 0.5 },
);

/** Runs the dense model once over the calibration windows, then whatever trains towards it. */
export async function towardsDense<T>(
  { loss, beta }: DivergenceOptions,
  { backend, calibration, dense, signal, spill, observer }: PassContext,
  train: (objective: Objective) => Promise<T>,
): Promise<T> {
  const store = spill ? await spill.createScratch() : memoryScratch();
  const states = await TeacherStates.of(backend, dense, calibration, store, signal, (fraction) =>
    observer.onProgress({ fraction: PREPARING * fraction, step: 'what the dense model predicts', tokens: 0 }),
  );
  try {
    const { kind, label } = KINDS[loss];
    return await train({
      label,
      of: async (arena, chosen, batches) => ({
        teacher: {
          ...{ kind, head: dense.lm_head, inputs: await states.inputs(arena, chosen, batches) },
          ...(kind === 'jsd' && { beta }),
        },
      }),
    });
  } finally {
    await states.clear();
  }
}

/** The next token, without a teacher. */
export const TEXT: Objective = { label: 'the next token of the text', of: async () => ({}) };

export function towardsTarget<T>(
  { loss, beta }: TargetOptions,
  context: PassContext,
  train: (objective: Objective) => Promise<T>,
): Promise<T> {
  return loss === 'text' ? train(TEXT) : towardsDense({ loss, beta }, context, train);
}
