/**
 * @file Truncated layers, then training (Just CHOP, arXiv 2305.14864; "TF-LLMD"): the student is every k-th layer of the teacher, or its
 * first ones, and goes on learning the language, with the teacher's distributions beside the text.
 */
import * as v from 'valibot';
import type { DecoderModel, ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import { packingLabel } from '../../models/packed/packing.ts';
import { memoryScratch } from '../../models/scratch.ts';
import { elementCount } from '../../tensor/shape.ts';
import { withoutLayers } from '../depth/layers.ts';
import { depthRefusal } from '../depth/plan.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice, number } from '../options/fields.ts';
import type { Objective } from '../train/held_out.ts';
import type { Learning } from '../train/learning.ts';
import { isTrained, linearPlaces, plannedTraining, trainingRefusal } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { adapterMemory, memoryOfTraining } from '../train/memory.ts';
import { adapterFields, type TrainingOptions } from '../train/options.ts';
import { TeacherStates } from '../train/teacher_states.ts';
import { textTargets, withTeacher } from '../train/text_and_teacher.ts';
import { assertWindows, PREPARING, trained } from '../train/train.ts';
import { rankOrFull, wholeLinears } from '../train/whole_linears.ts';

export interface Options extends Omit<TrainingOptions, 'rank'> {
  readonly rank: number | 'full';
  readonly take: 'every' | 'first';
  readonly layers: number;
  readonly soft: number;
}

export const tfLlmd: Method<Options> = {
  name: 'tf_llmd',
  about: {
    label: 'TF-LLMD',
    paper: 'arXiv 2305.14864',
    group: 'train',
    help: 'Keeps some of the layers, evenly spread or the first ones, without asking the text which, and trains what is left on the text and on the dense model’s distributions. What depth and heal do with more care about which layers go.',
  },
  options: v.strictObject({
    take: choice(
      {
        label: 'Take',
        help: 'every: evenly spread over the depth, the first layer among them. first: the first ones.',
      },
      ['every', 'first'],
      'every',
    ),
    layers: number(
      { label: 'Layers', help: 'That stay.', unit: 'layers' },
      { min: 1, max: 1000, value: 1, whole: true },
    ),
    soft: number(
      {
        label: 'Soft',
        help: 'What the divergence from the dense model counts, of 1; the tokens of the text count the rest. 0: text alone.',
      },
      { min: 0, max: 1, value: 0.5 },
    ),
    ...adapterFields(16),
    rank: rankOrFull(32),
  }),
  dropsLayers: true,
  refusal,
  plan: (model, options) => plannedTraining(truncated(model, options), options),
  memory: (model, options, plan) =>
    memoryOfTraining(truncated(model, options), options, plan, (weight) => memoryOf(weight, options)),
  run: trainedStudent,
};

function memoryOf(weight: WeightOutline, { rank }: Options) {
  if (rank === 'full') return { trained: [elementCount(weight.shape)] };
  return isTrained(weight) ? adapterMemory(weight, rank) : undefined;
}

function refusal(model: ModelOutline, { layers, rank }: Options): string | undefined {
  const count = model.layers.length;
  if (layers >= count) return `it has ${count} ${count === 1 ? 'layer' : 'layers'}: fewer than that have to be taken`;
  const packed = rank === 'full' && linearPlaces(model).find(({ weight }) => weight.packed)?.weight.packed;
  if (packed) {
    return `some of its linears are packed as ${packingLabel(packed)}, and rank=full trains plain weights. Give a rank, or put it before the step that packs`;
  }
  return depthRefusal(model, { drop: count - layers, replace: 'none' }) ?? trainingRefusal(model);
}

/** Layers that go: of n evenly spread ones, the i-th stays at ⌊i · count / n⌋. */
export function truncated<M extends ModelOutline>(model: M, { take, layers }: Pick<Options, 'take' | 'layers'>): M {
  const count = model.layers.length;
  const kept = Array.from({ length: layers }, (_, i) => (take === 'first' ? i : Math.floor((i * count) / layers)));
  const gone = model.layers.map(({ index }) => index).filter((index) => !kept.includes(index));
  return withoutLayers(model, gone) as M;
}

function learning({ rank, ...options }: Options): Learning {
  return rank === 'full' ? { linears: wholeLinears } : lowRank({ ...options, rank });
}

async function trainedStudent(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  const { backend, calibration, dense, signal, spill, observer } = context;
  const { soft, take } = options;
  assertWindows(calibration.count);
  const student = truncated(model, options);
  const store = spill ? await spill.createScratch() : memoryScratch();
  const onProgress = (fraction: number) =>
    observer.onProgress({ fraction: PREPARING * fraction, step: 'what the dense model predicts', tokens: 0 });
  const states = soft > 0 ? await TeacherStates.of(backend, dense, calibration, store, signal, onProgress) : undefined;
  const which = take === 'first' ? `first ${options.layers}` : `${options.layers} spread`;
  try {
    const objective: Objective = {
      label: states
        ? `${soft} · forward KL to the dense model + ${Number((1 - soft).toFixed(4))} · the next token, of its ${which} layers`
        : `the next token of the text, of the dense model's ${which} layers`,
      of: async (arena, chosen, batches, among) =>
        withTeacher(textTargets(arena, calibration, chosen, batches, among), soft, async () => ({
          ...{ kind: 'forward_kl', head: dense.lm_head, inputs: (await states?.inputs(arena, chosen, batches)) ?? [] },
        })),
    };
    return await trained(student, options, context, objective, learning(options));
  } finally {
    await states?.clear();
  }
}
