/**
 * @file PEQA (arXiv 2305.14152): integers are frozen and only the scales of their groups are trained, so that what comes out takes the very
 * same bytes. What is dense when it comes in is rounded to nearest first.
 */
import * as v from 'valibot';
import type { DecoderModel, ModelOutline, WeightOutline } from '../../models/decoder_model.ts';
import { groupsOf, packingLabel } from '../../models/packed/packing.ts';
import type { GroupedValues } from '../../models/packed/values.ts';
import { trainedScales } from '../../runtime/backward/scales.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import { sourceIntegers } from '../layerwise/source_blocks.ts';
import { layerwise } from '../layerwise.ts';
import type { LinearMethod } from '../layerwise_types.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { flag } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import type { Learning } from '../train/learning.ts';
import { linearPlaces } from '../train/linears.ts';
import { type LinearMemory, memoryOfTraining } from '../train/memory.ts';
import { BATCH, lrOf, SEED, STEPS, type StepOptions } from '../train/options.ts';
import { BETA, LOSS_OR_TEXT, type TargetOptions, towardsTarget } from '../train/teacher.ts';
import { assertWindows, trained } from '../train/train.ts';

export interface Options extends IntegerOptions, StepOptions, TargetOptions {
  readonly minimums: boolean;
}

export const peqa: Method<Options> = {
  name: 'peqa',
  about: {
    label: 'PEQA',
    paper: 'arXiv 2305.14152',
    group: 'train',
    help: 'Trains the scales of integers and nothing else: the integers of the step before stay, and so does every byte that a file takes. Linears that are dense are rounded to nearest first. Take 64 calibration windows or more.',
  },
  options: v.strictObject({
    ...{ bits: BITS, group: GROUP, grid: GRID },
    minimums: flag(
      {
        label: 'Minimums',
        help: 'Trains the minimums of groups as well, where the grid has them. Zero points that are codes stay.',
      },
      true,
    ),
    ...{ loss: LOSS_OR_TEXT, beta: BETA, steps: STEPS, lr: lrOf(1e-4), batch: BATCH, seed: SEED },
  }),
  refusal(model) {
    const places = linearPlaces(model);
    if (places.some(({ weight: { packed } }) => !packed || packed.kind === 'grouped')) return undefined;
    const [{ weight }] = places;
    const how = weight.packed ? packingLabel(weight.packed) : weight.dtype;
    return `all of its linears are packed as ${how}, which have no scales of groups to train. Put it behind rtn or gptq, or on dense weights`;
  },
  plan: planned,
  memory: (model, options, plan) =>
    memoryOfTraining(planned(model, options), options, plan, (weight) => scalesMemory(weight, options.minimums)),
  run,
};

/** What is packed stays so. */
function planned(model: ModelOutline, options: IntegerOptions): ModelOutline {
  return planLinears(model, (weight) => (weight.packed ? 'kept' : integerPacking(options, weight)));
}

function scalesMemory({ shape, packed }: WeightOutline, trainsMinimums: boolean): LinearMemory | undefined {
  if (packed?.kind !== 'grouped') return undefined;
  const groups = shape[0] * groupsOf(packed, shape[1]);
  const hasMinimums = packed.zero === 'minimum';
  return {
    trained: hasMinimums && trainsMinimums ? [groups, groups] : [groups],
    beside: [...(hasMinimums && !trainsMinimums ? [groups] : []), ...(packed.ordered ? [shape[1]] : [])],
    ...{ isTwice: true, products: 1 },
  };
}

/** Dense linears to nearest. */
const rounding: LinearMethod<IntegerOptions> = {
  statistics: () => [],
  async change(linear, _, options) {
    const { W, rows, columns, source } = linear;
    if (source.packed) return undefined;
    const packing = integerPacking(options, source);
    return (await sourceIntegers(linear, packing)) ?? nearestValues(W, rows, columns, packing);
  },
};

async function run(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  assertWindows(context.calibration.count);
  const quiet = { ...context, observer: { onProgress() {} } };
  const isRounded = linearPlaces(model).every(({ weight }) => weight.packed);
  const from = isRounded ? { model, units: [] } : await layerwise(rounding, model, options, quiet);
  const made = await towardsTarget(options, context, (objective) =>
    trained(from.model, options, context, objective, scales(options)),
  );
  return { ...made, units: from.units };
}

function scales({ minimums }: Options): Learning {
  return {
    async linears(arena, model) {
      const trained = new Map();
      for (const { weight } of linearPlaces(model)) {
        const { packed, unpack, name } = weight;
        if (packed?.kind !== 'grouped' || !unpack || trained.has(weight)) continue;
        trained.set(weight, await trainedScales(arena, async () => (await unpack()) as GroupedValues, name, minimums));
      }
      return trained;
    },
  };
}
