/** @file SliceGPT as a row of the registry: options with their labels, refusals, plan. */
import * as v from 'valibot';
import type { DecoderLayer, DecoderModel, ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import { inputLabels } from '../../models/input_quantization.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice, number, numbers } from '../options/fields.ts';
import { estimateSlicing } from './estimate.ts';
import { estimateRecovery } from './estimate_recovery.ts';
import { modelShape } from './model_shape.ts';
import { slicedOutline } from './outline.ts';
import { isSliced, slicingRefusal } from './permits.ts';
import {
  constantDimensions,
  type Fusion,
  type HeadKind,
  headRefusal,
  resolveHead,
  type Schedule,
  sliceDimension,
} from './plan.ts';
import type { RecoverOptions } from './recovery.ts';
import type { DenseBases } from './rotate_once.ts';
import { type SliceGptOptions, slicegpt } from './slicegpt.ts';

/** Options of the step, with defaults filled in. */
export interface SlicegptOptions {
  /** Share of the hidden size to remove, 0 ≤ s < 1. */
  readonly sparsity: number;
  /** The dimension is rounded down to a multiple of this. */
  readonly round: number;
  readonly schedule: Schedule;
  readonly fusion: Fusion;
  readonly head: HeadKind | 'auto';
  readonly dimensions?: number[] | undefined;
}

const options = v.strictObject({
  sparsity: number(
    { label: 'Sparsity', help: 'Share of the hidden size to remove; the dimension follows from it and from round.' },
    { min: 0, max: 0.99, value: 0.25 },
  ),
  round: number(
    { label: 'Round', help: 'Dimensions are rounded down to a multiple of this.', unit: 'dimensions' },
    { min: 1, max: 65536, value: 8, whole: true },
  ),
  schedule: choice(
    {
      label: 'Schedule',
      help: 'sequential: each basis sees what was sliced before it. rotate-once: all bases of the dense model, which then serve every sparsity.',
    },
    ['sequential', 'rotate-once'],
    'sequential',
  ),
  fusion: choice(
    { label: 'Fusion', help: 'exact: folding the norms changes nothing. official: as the authors’ code does it.' },
    ['exact', 'official'],
    'exact',
  ),
  head: choice(
    { label: 'Head', help: 'Which tables embedding and head have. auto: tied where the model ties them, else untied.' },
    ['auto', 'untied', 'sliced', 'tied', 'tied-sliced'],
    'auto',
  ),
  dimensions: numbers({ label: 'Dimensions', help: 'Kept dimension of every site, in place of one sparsity for all.' }),
});

/** `bases:exact` is what {@link PassContext.recall} is asked for: the PCA of the dense model with that fusion. */
export function basesName(fusion: Fusion): string {
  return `bases:${fusion}`;
}

export const slicegptMethod: Method<SlicegptOptions> = {
  name: 'slicegpt',
  about: {
    label: 'SliceGPT',
    paper: 'arXiv 2401.15024',
    group: 'slice',
    help: 'Rotates the residual stream by PCA and deletes its smallest directions: fewer multiplications in every layer. Saves computing rather than bytes.',
  },
  options,
  rebases: true,
  beats: true,
  takes: ['recover'],
  refusal(model, given, after = []) {
    if (given.schedule === 'rotate-once' && after.some(({ method }) => method === 'recover')) {
      return 'recover goes with schedule=sequential, whose bases see what it refits: with rotate-once they are fixed beforehand';
    }
    if (inputLabels(model).length > 0) {
      return 'a step before it made linears round what they read, which a rotation would change: put slicegpt first';
    }
    const refusal = slicingRefusal(model);
    if (refusal) return refusal.reason;
    const [first] = model.layers;
    const differs = model.layers.find((layer) => layerSizes(layer) !== layerSizes(first));
    if (differs)
      return `layer ${differs.index} has other heads or channels than layer ${first.index}. Put slicegpt first, or prune the same share of each layer (width with budget=uniform)`;
    const shape = modelShape(model);
    return given.head === 'auto' ? undefined : headRefusal(shape, given.head);
  },
  plan: (model, given) => slicedOutline(model, dimensionsOf(model, given), resolveHead(given.head, modelShape(model))),
  memory(model, given, plan, after) {
    const shape = modelShape(model);
    const head = resolveHead(given.head, shape);
    const slicing = { ...plan, schedule: given.schedule, head, dimensions: dimensionsOf(model, given) };
    const recover = after.find(({ method }) => method === 'recover')?.options as RecoverOptions | undefined;
    return recover ? estimateRecovery(shape, slicing, recover) : estimateSlicing(shape, slicing);
  },
  async run(model, given, context): Promise<CompressedModel> {
    const { dimensions, ...rest } = given;
    const head = resolveHead(given.head, modelShape(model));
    return slicegpt.compress(
      model,
      {
        ...{ ...rest, head, ...(dimensions && { dimensions }) },
        ...(await bases(model, given, context)),
        ...recovery(model, context),
      },
      context,
    );
  },
};

/** What the plan of a slicing takes to be the same everywhere. */
function layerSizes({ attention, mlp }: DecoderLayer<WeightOutline>): string {
  return [attention.q_proj, attention.k_proj, mlp.up_proj].map(({ weight }) => weight.shape[0]).join(' ');
}

function dimensionsOf(model: ModelOutline, { sparsity, round, head, dimensions }: SlicegptOptions): readonly number[] {
  const shape = modelShape(model);
  return (
    dimensions ??
    constantDimensions(shape, sliceDimension(shape.hidden_size, sparsity, round), resolveHead(head, shape))
  );
}

/** Towards the model as it was opened, where its stream is the same. */
function recovery(model: DecoderModel, { after, dense }: PassContext): Pick<SliceGptOptions, 'recover'> {
  const step = after.find(({ method }) => method === 'recover');
  if (!step) return {};
  const isComparable = dense.layers.length === model.layers.length && !isSliced(dense);
  return { recover: { options: step.options as never as RecoverOptions, dense: isComparable ? dense : model } };
}

async function bases(
  model: unknown,
  { schedule, fusion }: SlicegptOptions,
  context: PassContext,
): Promise<{ denseBases?: DenseBases }> {
  if (schedule !== 'rotate-once' || model !== context.dense) return {};
  const denseBases = await context.recall?.<DenseBases>(basesName(fusion));
  return denseBases ? { denseBases } : {};
}
