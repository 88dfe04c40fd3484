/**
 * @file QLoRA (arXiv 2305.14314): every linear is held in 4-bit NormalFloat with its scales quantised again, and low-rank adapters in float32
 * learn on top. Merged they are no NF4 any more: what comes out is floats, or rounded to integers, as `keep` says.
 */
import * as v from 'valibot';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderModel, ModelOutline, WeightRef } from '../../models/decoder_model.ts';
import { replaceWeights } from '../../models/map_weights.ts';
import { packingLabel } from '../../models/packed/packing.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { elementCount } from '../../tensor/shape.ts';
import { planLinears } from '../layerwise/plan_linears.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice } from '../options/fields.ts';
import { BITS, GRID, GROUP, type IntegerOptions, integerPacking } from '../options/integers.ts';
import { storedType } from '../slicegpt/store.ts';
import { nearestValues } from '../solvers/packed_values.ts';
import type { Learning } from '../train/learning.ts';
import { linearPlaces, plannedTraining } from '../train/linears.ts';
import { lowRank } from '../train/low_rank.ts';
import { adapterMemory, memoryOfTraining, withStorage } from '../train/memory.ts';
import { alphaOf, BATCH, LR, NORMS, RANK, SEED, SHORTCUTS, STEPS, type TrainingOptions } from '../train/options.ts';
import { BETA, LOSS_OR_TEXT, type TargetOptions, towardsTarget } from '../train/teacher.ts';
import { assertWindows, trained } from '../train/train.ts';
import type { TrainedAdapter } from '../train/trained_adapter.ts';
import { nf4Bytes, storeNf4 } from './nf4_weight.ts';

export interface Options extends TrainingOptions, TargetOptions, IntegerOptions {
  readonly keep: 'floats' | 'integers';
}

export const qlora: Method<Options> = {
  name: 'qlora',
  about: {
    label: 'QLoRA',
    paper: 'arXiv 2305.14314',
    group: 'train',
    help: 'Trains low-rank adapters on the model held in 4 bits (NF4, scales quantised again), so that they make up for those. Merged with that base, they are held in floats or rounded once more.',
  },
  options: v.strictObject({
    ...{ rank: RANK, alpha: alphaOf(16) },
    keep: choice(
      {
        label: 'Keep',
        help: 'How base and adapters are held once they are merged. floats: as they were trained, in the size of floats. integers: rounded to nearest with bits, group and grid, which loses some of what was learnt.',
      },
      ['floats', 'integers'],
      'floats',
    ),
    ...{ bits: BITS, group: GROUP, grid: GRID },
    ...{ loss: LOSS_OR_TEXT, beta: BETA, steps: STEPS, lr: LR, batch: BATCH },
    ...{ shortcuts: SHORTCUTS, norms: NORMS, seed: SEED },
  }),
  refusal(model) {
    const packed = linearPlaces(model).find(({ weight }) => weight.packed)?.weight.packed;
    if (!packed) return undefined;
    return `some of its linears are packed as ${packingLabel(packed)}, and NF4 is made of plain weights. Train what is packed with heal or peqa, or put qlora before the step that packs`;
  },
  plan: planned,
  memory: (model, options, plan) =>
    withStorage(
      memoryOfTraining(model, options, plan, (weight) => adapterMemory(weight, options.rank)),
      baseBytes(model),
    ),
  run,
};

/** Of the linears in NF4, which wait in storage beside the model. */
function baseBytes(model: ModelOutline): number {
  const linears = new Set(linearPlaces(model).map(({ weight }) => weight));
  return [...linears].reduce((sum, { shape }) => sum + nf4Bytes(elementCount(shape)), 0);
}

function planned(model: ModelOutline, options: Options): ModelOutline {
  const floats = plannedTraining(model, options);
  return options.keep === 'floats' ? floats : planLinears(floats, (_, { path }) => packingOf(model, path, options));
}

/** By the outline that came in: its own grid counts. */
function packingOf(model: ModelOutline, path: string, options: Options) {
  const place = linearPlaces(model).find((each) => each.path === path);
  if (!place) throw new RangeError(`${path} is no linear`);
  return integerPacking(options, place.weight);
}

async function run(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  assertWindows(context.calibration.count);
  const { base, sources } = await inNf4(model, options.keep, context);
  const { linears } = lowRank(options);
  const learning: Learning = {
    ...{ linears, dtype: storedType(model) },
    ...(options.keep === 'integers' && {
      hold: (weight, values) => {
        const packing = integerPacking(options, sources.get(weight) ?? weight);
        return nearestValues(values, weight.shape[0], weight.shape[1], packing);
      },
    }),
    notes: [
      options.keep === 'floats'
        ? 'The weights are the 4-bit base with what was learnt added: floats, in their size.'
        : 'The weights are the 4-bit base with what was learnt added, rounded to nearest once more: integers, not NF4.',
    ],
  };
  const made = await towardsTarget(options, context, (objective) =>
    trained(base, options, context, objective, learning),
  );
  if (!made.adapter) return made;
  const factors = made.adapter.factors.map((each) => ({ ...each, weight: sources.get(each.weight) ?? each.weight }));
  return { ...made, adapter: { ...made.adapter, base: model, base_form: 'nf4', factors } };
}

/** What the factors of a finished training are added to. @param scratch Takes the base in its form. */
export async function adapterBase(
  adapter: TrainedAdapter,
  context: Pick<PassContext, 'scratch' | 'signal'>,
): Promise<TrainedAdapter> {
  if (adapter.base_form !== 'nf4') return adapter;
  const { base, sources } = await inNf4(adapter.base, 'floats', context);
  const made = new Map([...sources].map(([nf4, source]) => [source, nf4]));
  const factors = adapter.factors.map((each) => ({ ...each, weight: made.get(each.weight) ?? each.weight }));
  return { ...adapter, base, factors };
}

/** @returns The model whose linears read as NF4 holds them, and the weight that each was made of. */
async function inNf4(
  model: DecoderModel,
  keep: Options['keep'],
  { scratch, signal }: Pick<PassContext, 'scratch' | 'signal'>,
): Promise<{ base: DecoderModel; sources: ReadonlyMap<WeightRef, WeightRef> }> {
  const made = new Map<WeightRef, WeightRef>();
  for (const { weight, path } of linearPlaces(model)) {
    throwIfCancelled(signal);
    if (made.has(weight)) continue;
    const W = decodeStored(await weight.read(), weight.dtype);
    const name = keep === 'floats' ? weight.name : `${path}.weight`;
    made.set(weight, await storeNf4(scratch, name, weight.shape, W));
  }
  return { base: replaceWeights(model, made), sources: new Map([...made].map(([from, to]) => [to, from])) };
}
